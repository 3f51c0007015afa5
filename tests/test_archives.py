from __future__ import annotations

import errno
import os
import shutil
import signal
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from cf_ai_platform_client import ExtractedFiles, ExtractLimits, archives, extract_export
from cf_ai_platform_client.adapters.file_tree import FileTree
from cf_ai_platform_client.core.naming import SafeName
from cf_ai_platform_client.errors import ArchiveError, DiskError

from .conftest import files_below
from .zips import Made, zip_of

MEMBERS = (Made("plots/a.json", b"{}"), Made("plots/north: 7/b.csv", b"id\n1\n", method=0), Made("c.json", b"[]"))
FILES = {"plots/a.json": b"{}", "plots/north_ 7/b.csv": b"id\n1\n", "c.json": b"[]"}


ALL = ["c.json", "plots", "plots/a.json", "plots/north_ 7", "plots/north_ 7/b.csv"]


def everything(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*"))


@pytest.fixture
def export(tmp_path: Path) -> Path:
    path = tmp_path / "export.zip"
    path.write_bytes(zip_of(*MEMBERS, Made("empty/")))
    return path


def test_an_export_is_extracted_whole(export: Path, tmp_path: Path) -> None:
    out = tmp_path / "new" / "out"
    done = extract_export(export, out)
    assert everything(out) == ALL
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
    (out / "c.json").write_bytes(b"{}")  # of the same size
    (out / "other.txt").write_bytes(b"mine too")
    with pytest.raises(DiskError, match=r"is there already: nothing was extracted\. Choose another folder") as caught:
        extract_export(export, out)
    assert caught.value.errno == errno.EEXIST
    assert files_below(out) == {**FILES, "c.json": b"{}", "other.txt": b"mine too"}
    extract_export(export, out, overwrite=True)
    assert files_below(out) == {**FILES, "other.txt": b"mine too"}


def test_what_is_there_already_is_success(export: Path, tmp_path: Path) -> None:
    first = extract_export(export, tmp_path / "out")
    before = {path: path.stat().st_mtime_ns for path in (tmp_path / "out").rglob("*")}
    (tmp_path / "out/other.txt").write_bytes(b"mine")
    again = extract_export(export, tmp_path / "out")
    assert again == ExtractedFiles(first.destination, first.paths, 0, written=False)
    assert all(path.stat().st_mtime_ns == time for path, time in before.items() if path.is_file())
    assert extract_export(export, tmp_path / "out", overwrite=True) == first


@pytest.mark.parametrize("in_the_way", ["missing", "folder", "link", "pipe", "longer"])
def test_what_is_not_all_there_is_not_taken_for_it(in_the_way: str, export: Path, tmp_path: Path) -> None:
    if os.name != "posix":
        pytest.skip("links and pipes are of Unix")
    out, file = tmp_path / "out", tmp_path / "out/c.json"
    extract_export(export, out)
    file.rename(tmp_path / "c.json")
    if in_the_way == "folder":
        file.mkdir()
    elif in_the_way == "link":
        file.symlink_to(tmp_path / "c.json")
    elif in_the_way == "pipe":
        os.mkfifo(file)
    elif in_the_way == "longer":
        file.write_bytes(b"[] ")
    with pytest.raises(DiskError, match="is there already|a folder stands in its place"):
        extract_export(export, out)


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


def events_of(work: Callable[[], object], at: int = -1, then: Callable[[], object] = lambda: None) -> int:
    """Do work, have something done before its n-th operation on files, and return how many there were."""
    count, active = 0, True

    def look(event: str, _: object) -> None:
        nonlocal count
        if active and event in {"open", "os.mkdir", "os.rename", "os.remove", "os.scandir", "os.rmdir"}:
            count += 1
            if count == at:
                then()

    sys.addaudithook(look)
    try:
        work()
    finally:
        active = False  # a hook stays for ever
    return count


@pytest.mark.skipif(os.name != "posix", reason="there a signal is not sent to a thread")
@pytest.mark.parametrize("folder", ["out", "new/out"])
def test_an_interrupt_at_any_step_leaves_all_or_nothing(folder: str, export: Path, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    out = tmp_path / folder
    before, seen = everything(tmp_path), threading.Event()

    def handle(_: int, __: object) -> None:
        seen.set()
        raise KeyboardInterrupt

    def interrupt() -> None:
        signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)
        seen.wait()

    steps = events_of(lambda: extract_export(export, tmp_path / "whole"))
    shutil.rmtree(tmp_path / "whole")
    descriptors = len(list(Path("/dev/fd").iterdir()))
    old = signal.signal(signal.SIGINT, handle)
    try:
        for step in range(2, steps + 1):
            seen.clear()
            with pytest.raises(KeyboardInterrupt):
                events_of(lambda: extract_export(export, out), step, interrupt)
            if out.exists() and everything(out):
                assert (everything(out), files_below(out)) == (ALL, FILES), step
                shutil.rmtree(tmp_path / folder.partition("/")[0])
                (tmp_path / "out").mkdir(exist_ok=True)
            assert everything(tmp_path) == before, step
            assert len(list(Path("/dev/fd").iterdir())) == descriptors
    finally:
        signal.signal(signal.SIGINT, old)


def test_whoever_stops_it_finds_nothing(export: Path, tmp_path: Path) -> None:
    class Stop(BaseException):
        pass

    def stop_at(step: int) -> Callable[[], None]:
        left = iter(range(step))

        def check() -> None:
            if next(left, None) is None:
                raise Stop

        return check

    for step in range(100):
        try:
            archives._extract(str(export), str(tmp_path / "out"), ExtractLimits(), stop_at(step), overwrite=False)
        except Stop:
            assert not (tmp_path / "out").exists()
        else:
            break
    assert step == 1 + 3 * (2 + 2 + 1)
    assert files_below(tmp_path / "out") == FILES


def test_what_another_one_is_writing_is_left_alone(export: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    other = FileTree(str(out))
    other.make()
    other.write((SafeName("other.json"),), [b"{}"])
    extract_export(export, out)
    other.publish(overwrite=False)
    other.close()
    assert files_below(out) == {**FILES, "other.json": b"{}"}
    assert not (out / ".cf-ai").exists()
