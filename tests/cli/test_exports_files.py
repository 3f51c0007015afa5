"""`cf-ai exports read` and `extract`: no network, no key."""

from __future__ import annotations

import json
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from .conftest import MODULE, Command, environment

Start = Callable[..., "subprocess.Popen[str]"]


def zipped(folder: Path, members: dict[str, str]) -> Path:
    path = folder / "export.zip"
    with zipfile.ZipFile(path, "w") as made:
        for name, text in members.items():
            made.writestr(name, text)
    return path


def test_records_are_json_lines(tmp_path: Path, cf_ai: Command) -> None:
    path = zipped(tmp_path, {"a/b.json": '{"images": []}', "c.csv": "id,label\n7,\u6728\n", "d.json": '[{"x": 1.50}]'})
    run = cf_ai("exports", "read", path)
    assert (run.code, run.err) == (0, "")
    assert run.out.isascii()
    assert [json.loads(line) for line in run.out.splitlines()] == [
        {"member": "a/b.json", "kind": "coco", "data": {"images": []}},
        {"member": "c.csv", "kind": "csv", "data": {"id": "7", "label": "\u6728"}},
        {"member": "d.json", "kind": "json", "data": {"x": 1.5}},
    ]
    alone = cf_ai("exports", "read", path, "--data-only").out.splitlines()
    assert [json.loads(line) for line in alone] == [{"images": []}, {"id": "7", "label": "\u6728"}, {"x": 1.5}]


def test_what_could_not_be_read_is_told_once_and_is_exit_code_1(tmp_path: Path, cf_ai: Command) -> None:
    path = zipped(tmp_path, {"a.json": '[{"x": 1}, {"y"', "b\x1b.txt": "hello", "c.json": '{"z": 2}'})
    run = cf_ai("exports", "read", path, "--data-only")
    assert run.code == 1
    assert run.out == '{"x": 1}\n{"z": 2}\n'
    first, second = run.err.splitlines()
    assert first.startswith("The member a.json cannot be read: ")
    assert first.endswith(" Records of it that were read before: 1.")
    assert second.startswith("The member b\\x1b.txt cannot be read: ")


def test_numbers_that_json_cannot_write(tmp_path: Path, cf_ai: Command) -> None:
    path = zipped(tmp_path, {"a.json": '[{"x": [1e999], "y": 12345678901234567890123}, {"x": 1}]'})
    run = cf_ai("exports", "read", path, "--data-only")
    assert run.code == 1
    assert run.out == '{"x": [null], "y": 12345678901234567890123}\n{"x": 1}\n'
    assert run.err == "Records with numbers too large for JSON readers, printed as null: 1.\n"


def test_a_reader_that_leaves_ends_it_quietly(tmp_path: Path, start: Start) -> None:
    path = zipped(tmp_path, {"a.json": json.dumps([{"x": "y" * 1000}] * 1000)})
    process = start("exports", "read", path)
    assert process.stdout is not None
    assert process.stderr is not None
    assert process.stdout.readline()
    process.stdout.close()
    assert (process.stderr.read(), process.wait()) == ("", 0)


@pytest.mark.parametrize("command", ["read", "extract"])
@pytest.mark.parametrize(
    ("damage", "code", "said"),
    [
        ("cut", 1, "export.zip: It is no whole zip file: its end is missing. Download the export again.\n"),
        ("gone", 4, "export.zip cannot be read: no such file or directory. Check the path and run again.\n"),
        ("folder", 4, "export.zip cannot be read: it is no file. Check the path and run again.\n"),
    ],
)
def test_a_file_that_is_no_zip(command: str, damage: str, code: int, said: str, tmp_path: Path, cf_ai: Command) -> None:
    path = tmp_path / "export.zip"
    if damage == "cut":
        whole = zipped(tmp_path, {"a.json": "{}"}).read_bytes()
        path.write_bytes(whole[:-1])
    elif damage == "folder":
        path.mkdir()
    run = cf_ai("exports", command, path, *([tmp_path / "out"] if command == "extract" else []))
    assert (run.code, run.out) == (code, "")
    assert run.err.endswith(said)
    assert not (tmp_path / "out").exists()


def test_it_is_extracted_and_told(tmp_path: Path, cf_ai: Command) -> None:
    path, out = zipped(tmp_path, {"a/b.json": "{}", "c.csv": "id\n"}), tmp_path / "out"
    run = cf_ai("exports", "extract", path, out)
    assert (run.code, run.out, run.err) == (0, f"{out}\n", "2 files, 5 B, extracted:\n")
    there = cf_ai("exports", "extract", path, out)
    assert (there.code, there.out, there.err) == (0, f"{out}\n", "2 files, there already:\n")
    (out / "c.csv").unlink()
    again = cf_ai("exports", "extract", path, out)
    assert again.code == 4
    assert again.err.endswith("b.json is there already: nothing was extracted. "
                              "Choose another folder, or replace what is there with --overwrite.\n")  # fmt: skip
    body = json.loads(cf_ai("exports", "extract", path, out, "--overwrite", "--json").out)
    assert body == {"destination": str(out), "files": 2, "bytes": 5, "written": True}


def test_what_is_not_safe_is_refused(tmp_path: Path, cf_ai: Command) -> None:
    run = cf_ai("exports", "extract", zipped(tmp_path, {"../a.json": "{}"}), tmp_path / "out")
    assert (run.code, run.out) == (1, "")
    assert "The member ../a.json has" in run.err
    assert [path.name for path in tmp_path.iterdir()] == ["export.zip"]


@pytest.mark.parametrize(
    ("option", "name"),
    [
        (["--max-members", "1"], "max-members"),
        (["--max-total-bytes", "3"], "max-total-bytes"),
        (["--max-member-bytes", "1"], "max-member-bytes"),
    ],
)
def test_limits_are_options(option: list[str], name: str, tmp_path: Path, cf_ai: Command) -> None:
    path = zipped(tmp_path, {"a.json": "{}", "b.json": "{}"})
    run = cf_ai("exports", "extract", path, tmp_path / "out", *option)
    assert run.code == 1
    assert f" Raise --{name} of cf-ai exports extract if you trust it.\n" in run.err


def test_a_record_that_is_too_large(tmp_path: Path, cf_ai: Command) -> None:
    path = zipped(tmp_path, {"a.json": json.dumps({"x": "y" * 5000})})
    run = cf_ai("exports", "read", path, "--max-record-bytes", "1000")
    assert (run.code, run.out) == (1, "")
    assert run.err.startswith("The member a.json cannot be read: ")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is always full")
def test_output_that_cannot_be_written_is_exit_code_4(tmp_path: Path, start: Start) -> None:
    with Path("/dev/full").open("w") as full:
        process = start("exports", "read", zipped(tmp_path, {"a.json": "{}"}), environ=environment(), stdout=full)
        _, err = process.communicate()
    assert (process.returncode, err) == (4, "Standard output cannot be written: no space left on device.\n")


@pytest.mark.skipif(sys.platform == "win32", reason="needs a POSIX shell")
def test_a_disk_that_is_full_is_exit_code_4(tmp_path: Path) -> None:
    path, out = zipped(tmp_path, {"a.json": json.dumps({"x": "y" * 50_000})}), tmp_path / "out"
    line = ["sh", "-c", 'ulimit -f 40 && exec "$@"', "sh", *MODULE, "exports", "extract", str(path), str(out)]
    done = subprocess.run(line, capture_output=True, text=True, env=environment(), check=False)
    assert (done.returncode, done.stdout) == (4, "")
    assert "a.json cannot be written: a file-size limit was reached." in done.stderr
    assert not out.exists()
