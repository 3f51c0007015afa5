from __future__ import annotations

import errno
import os
import sys
from pathlib import Path

import pytest

from cf_ai_platform_client import ExtractedFiles, ExtractLimits, extract_export
from cf_ai_platform_client.errors import ArchiveError, DiskError

from .conftest import files_below
from .zips import Made, zip_of

MEMBERS = (Made("plots/a.json", b"{}"), Made("plots/north: 7/b.csv", b"id\n1\n", method=0), Made("c.json", b"[]"))
FILES = {"plots/a.json": b"{}", "plots/north_ 7/b.csv": b"id\n1\n", "c.json": b"[]"}


@pytest.fixture
def export(tmp_path: Path) -> Path:
    path = tmp_path / "export.zip"
    path.write_bytes(zip_of(*MEMBERS, Made("empty/")))
    return path


def test_an_export_is_extracted_whole(export: Path, tmp_path: Path) -> None:
    out = tmp_path / "new" / "out"
    done = extract_export(export, out)
    assert files_below(out) == FILES
    assert done == ExtractedFiles(str(out), tuple(str(out / name) for name in FILES), 9)
    assert not (out / "empty").exists()


def test_paths_begin_with_the_destination_as_it_was_given(export: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(export.parent)
    done = extract_export("export.zip", "./out/")
    assert done.destination == "./out/"
    assert done.paths[-1] == "./out/c.json"


def test_an_export_without_members_makes_an_empty_folder(tmp_path: Path) -> None:
    (tmp_path / "export.zip").write_bytes(zip_of())
    done = extract_export(tmp_path / "export.zip", tmp_path / "out")
    assert (done.paths, done.bytes, (tmp_path / "out").is_dir()) == ((), 0, True)


def test_a_second_time_only_by_overwriting(export: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    extract_export(export, out)
    (out / "c.json").write_bytes(b"mine")
    (out / "other.txt").write_bytes(b"mine too")
    with pytest.raises(DiskError, match=r"is there already: nothing was extracted\. Choose another folder") as caught:
        extract_export(export, out)
    assert caught.value.errno == errno.EEXIST
    assert files_below(out) == {**FILES, "c.json": b"mine", "other.txt": b"mine too"}
    extract_export(export, out, overwrite=True)
    assert files_below(out) == {**FILES, "other.txt": b"mine too"}


def test_files_follow_the_umask_and_no_mode_of_the_zip(tmp_path: Path) -> None:
    if os.name != "posix":
        pytest.skip("modes are of Unix")
    (tmp_path / "export.zip").write_bytes(zip_of(Made("a.json", b"{}", mode=0o106777)))
    before = os.umask(0o027)
    try:
        extract_export(tmp_path / "export.zip", tmp_path / "out")
    finally:
        os.umask(before)
    assert (tmp_path / "out/a.json").stat().st_mode & 0o7777 == 0o640


@pytest.mark.parametrize("limits", [ExtractLimits(max_members=2), ExtractLimits(max_total_bytes=8)])
def test_the_limits_are_the_users(export: Path, tmp_path: Path, limits: ExtractLimits) -> None:
    with pytest.raises(ArchiveError, match="Raise max_") as caught:
        extract_export(export, tmp_path / "out", limits=limits)
    assert caught.value.code == "too_large"
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("path", ["", " ", "a\0b", None])
def test_a_path_that_is_none(path: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="^path is "):
        extract_export(path, tmp_path)
    with pytest.raises(ValueError, match="^destination is "):
        extract_export("export.zip", path)


@pytest.mark.parametrize("at", [100, 90_000], ids=["read ahead", "read again"])
def test_an_export_that_is_altered_between_the_two_readings(at: int, tmp_path: Path) -> None:
    export, out, altered = tmp_path / "export.zip", tmp_path / "out", list[str]()
    content = bytearray(zip_of(Made("a.json", b"{}"), Made("b.csv", bytes(100_000), method=0)))
    export.write_bytes(content)

    def alter(event: str, told: tuple[object, ...]) -> None:
        if event == "os.mkdir" and told[0] == str(out) and not altered:  # what is written first
            altered.append(event)
            content[at] ^= 1
            export.write_bytes(content)

    sys.addaudithook(alter)
    with pytest.raises(ArchiveError, match=r"export\.zip: It changed while it was read\. Run again") as caught:
        extract_export(export, out)
    assert (caught.value.code, altered) == ("mismatch", ["os.mkdir"])
    assert not out.exists()
