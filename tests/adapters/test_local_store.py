from __future__ import annotations

import errno
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path

import pytest

from cf_ai_platform_client.adapters import folders, local_store
from cf_ai_platform_client.adapters.disk_errors import concerns_one_file
from cf_ai_platform_client.adapters.local_store import LocalStore
from cf_ai_platform_client.core.naming import SafeName
from cf_ai_platform_client.errors import DiskError

from ..conftest import files_below
from .disks import files_of_at_most

FOLDER, NAME = SafeName("batch"), SafeName("a.json")


@pytest.fixture(params=[True, False], ids=["descriptors", "paths"], autouse=True)
def _descriptors(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Run every test the way of systems with directory descriptors, and that of Windows."""
    if request.param and not folders._HAS_DESCRIPTORS:
        pytest.skip("this system has no directory descriptors")
    monkeypatch.setattr(folders, "_HAS_DESCRIPTORS", request.param)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[LocalStore]:
    with closing(LocalStore(str(tmp_path / "out"))) as opened:
        yield opened


def write_error(
    store: LocalStore, content: bytes = b"new", folder: SafeName = FOLDER, name: SafeName = NAME
) -> DiskError:
    with pytest.raises(DiskError) as caught:
        store.write(folder, name, content)
    assert isinstance(caught.value, OSError)
    assert "cannot be written: " in str(caught.value)
    assert caught.value.hint
    return caught.value


def test_files_are_written_whole_and_replaced_whole(store: LocalStore, tmp_path: Path) -> None:
    for content in (b"one", b"", b"x" * 3_000_000):
        assert store.write(FOLDER, NAME, content) == str(tmp_path / "out" / "batch" / "a.json")
        assert files_below(tmp_path) == {"out/batch/a.json": content}


@pytest.mark.parametrize("given", ["out", "./out", "out/", "down/../out", "new/below"])
def test_paths_begin_with_the_destination_as_given(given: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "down").mkdir()
    with closing(LocalStore(given)) as store:
        path = store.write(FOLDER, NAME, b"1")
    assert path == f"{given.rstrip('/')}/batch/a.json"
    assert Path(path).read_bytes() == b"1"


def test_nothing_is_made_before_the_first_file(tmp_path: Path) -> None:
    with closing(LocalStore(str(tmp_path / "out"))) as store:
        assert not (tmp_path / "out").exists()
        store.open()
        assert (tmp_path / "out").is_dir()


def test_a_store_can_be_used_again_after_it_was_closed(store: LocalStore, tmp_path: Path) -> None:
    for content in (b"1", b"2"):
        store.write(FOLDER, NAME, content)
        store.close()
    assert files_below(tmp_path / "out") == {"batch/a.json": b"2"}


def test_the_umask_is_respected(store: LocalStore, tmp_path: Path) -> None:
    before = os.umask(0o027)
    try:
        store.write(FOLDER, NAME, b"1")
    finally:
        os.umask(before)
    modes = [
        path.stat().st_mode & 0o777 for path in (tmp_path / "out" / "batch" / "a.json", tmp_path / "out" / "batch")
    ]
    assert modes == [0o640, 0o750]


def test_the_destination_itself_may_be_a_link(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "real")
    with closing(LocalStore(str(tmp_path / "link"))) as store:
        store.write(FOLDER, NAME, b"1")
    assert files_below(tmp_path / "real") == {"batch/a.json": b"1"}


def test_a_link_in_place_of_the_file_is_replaced_and_not_followed(store: LocalStore, tmp_path: Path) -> None:
    (tmp_path / "victim").write_bytes(b"old")
    (tmp_path / "out" / "batch").mkdir(parents=True)
    for target in (tmp_path / "victim", tmp_path / "nowhere", tmp_path):
        (tmp_path / "out" / "batch" / "a.json").unlink(missing_ok=True)
        (tmp_path / "out" / "batch" / "a.json").symlink_to(target)
        store.write(FOLDER, NAME, b"new")
        assert not (tmp_path / "out" / "batch" / "a.json").is_symlink()
    assert files_below(tmp_path) == {"victim": b"old", "out/batch/a.json": b"new"}


@pytest.mark.parametrize("target", ["elsewhere", "nowhere", "batch"])
def test_a_link_in_place_of_the_folder_is_refused(target: str, store: LocalStore, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "batch").symlink_to(tmp_path / target if target != "batch" else Path("batch"))
    error = write_error(store)
    assert (error.code, concerns_one_file(error)) == ("disk_error", True)
    assert "stands in the way" in str(error)
    assert not files_below(tmp_path)
    assert store.write(SafeName("other"), NAME, b"1")


def test_a_file_in_place_of_the_folder_is_left_alone(store: LocalStore, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "batch").write_bytes(b"mine")
    assert concerns_one_file(write_error(store))
    assert files_below(tmp_path) == {"out/batch": b"mine"}


def test_a_folder_in_place_of_the_file_is_left_alone(store: LocalStore, tmp_path: Path) -> None:
    (tmp_path / "out" / "batch" / "a.json").mkdir(parents=True)
    error = write_error(store)
    assert str(error).endswith("a folder stands in its place. Remove the folder.")
    assert (error.errno, concerns_one_file(error)) == (errno.EISDIR, True)
    assert not files_below(tmp_path)


def test_a_folder_that_was_swapped_for_a_link_leads_nowhere(store: LocalStore, tmp_path: Path) -> None:
    store.write(FOLDER, NAME, b"1")
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "out" / "batch").rename(tmp_path / "out" / "moved")
    (tmp_path / "out" / "batch").symlink_to(tmp_path / "elsewhere")
    with suppress(DiskError):  # where folders are held it is written to the one that was moved
        store.write(FOLDER, SafeName("b.json"), b"2")
    assert not files_below(tmp_path / "elsewhere")


def test_a_folder_that_was_removed_ends_the_run(store: LocalStore, tmp_path: Path) -> None:
    store.write(FOLDER, NAME, b"1")
    shutil.rmtree(tmp_path / "out")
    error = write_error(store)
    assert (error.code, concerns_one_file(error)) == ("disk_error", False)
    assert "its folder is gone or cannot be made" in str(error)
    assert not files_below(tmp_path)


@pytest.mark.parametrize("there", ["file", "dangling", "file/below", "circle", "x" * 256])
def test_a_destination_that_cannot_be_concerns_every_file(there: str, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"mine")
    (tmp_path / "dangling").symlink_to(tmp_path / "nowhere")
    (tmp_path / "circle").symlink_to(tmp_path / "circle")
    with closing(LocalStore(str(tmp_path / there))) as store:
        with pytest.raises(DiskError) as caught:
            store.open()
        assert str(caught.value).startswith(f"{tmp_path / there} cannot be written: ")
        assert write_error(store).filename == str(tmp_path / there)
    assert files_below(tmp_path) == {"file": b"mine"}


def test_a_name_that_is_too_long_concerns_one_file(store: LocalStore, tmp_path: Path) -> None:
    error = write_error(store, name=SafeName("x" * 256))
    assert (error.errno, concerns_one_file(error)) == (errno.ENAMETOOLONG, True)
    assert concerns_one_file(write_error(store, folder=SafeName("x" * 256)))
    assert not files_below(tmp_path)


def test_a_full_disk_leaves_the_old_file_and_no_part(store: LocalStore, tmp_path: Path) -> None:
    store.write(FOLDER, NAME, b"old")
    with files_of_at_most(100_000):
        error = write_error(store, b"x" * 100_001)
    assert (error.code, error.errno, concerns_one_file(error)) == ("disk_full", errno.EFBIG, False)
    assert files_below(tmp_path) == {"out/batch/a.json": b"old"}
    store.write(FOLDER, NAME, b"x" * 100_001)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "small"
    folder.mkdir()
    mounted = shutil.which("mount") and subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=256k,mode=755", "tmpfs", str(folder)], capture_output=True, check=False
    )
    if not mounted or mounted.returncode:
        pytest.skip("no right to mount a small disk")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


def test_a_disk_that_fills_up_keeps_what_was_whole(small_disk: Path) -> None:
    with closing(LocalStore(str(small_disk / "out"))) as store:
        store.write(FOLDER, NAME, b"old")
        error = write_error(store, b"x" * 10**6)
        assert (error.code, error.errno) == ("disk_full", errno.ENOSPC)
        assert "the disk is full" in str(error)
        assert files_below(small_disk) == {"out/batch/a.json": b"old"}
        store.write(FOLDER, NAME, b"x" * 100_000)


def test_a_disk_that_may_only_be_read_is_said_so(small_disk: Path) -> None:
    (small_disk / "out" / "batch").mkdir(parents=True)
    subprocess.run(["mount", "-o", "remount,ro", str(small_disk)], check=True)
    with closing(LocalStore(str(small_disk / "out"))) as store:
        error = write_error(store)
    assert (error.code, error.errno, concerns_one_file(error)) == ("disk_error", errno.EROFS, False)
    assert "read-only" in str(error)


@pytest.mark.skipif(sys.platform == "win32" or os.geteuid() == 0, reason="to root and on Windows modes mean little")
def test_a_folder_that_may_not_be_written_is_said_so(store: LocalStore, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir(mode=0o555)
    error = write_error(store)
    assert (error.code, error.errno, concerns_one_file(error)) == ("disk_error", errno.EACCES, False)


def test_what_interrupts_a_write_leaves_no_part(
    store: LocalStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.write(FOLDER, NAME, b"old")

    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "replace", interrupted)
    with pytest.raises(KeyboardInterrupt):
        store.write(FOLDER, NAME, b"new")
    assert files_below(tmp_path) == {"out/batch/a.json": b"old"}


def _open_descriptors() -> int:
    return sum(1 for _ in Path("/proc/self/fd").iterdir())


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="descriptors are counted in /proc")
def test_many_folders_take_few_descriptors_and_none_afterwards(tmp_path: Path) -> None:
    before = _open_descriptors()
    with closing(LocalStore(str(tmp_path / "out"))) as store:
        for number in [*range(200), *range(200)]:
            store.write(SafeName(f"batch {number}"), NAME, b"%d" % number)
            store.write(SafeName("batch 0"), SafeName(f"{number}.json"), b"")
        assert _open_descriptors() - before <= 65
    assert _open_descriptors() == before
    assert len(files_below(tmp_path)) == 400


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="descriptors are counted in /proc")
def test_failures_keep_no_descriptors(store: LocalStore, tmp_path: Path) -> None:
    store.write(FOLDER, NAME, b"1")
    (tmp_path / "out" / "link").symlink_to(tmp_path)
    before = _open_descriptors()
    for _ in range(10):
        write_error(store, folder=SafeName("link"))
        write_error(store, name=SafeName("x" * 256))
    assert _open_descriptors() == before


def test_a_folder_in_use_is_not_the_one_that_is_let_go(
    store: LocalStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(local_store, "_OPEN_FOLDERS", 2)
    store.write(SafeName("often"), NAME, b"1")
    first = store._folders["often"]
    for number in range(5):
        store.write(SafeName(f"batch {number}"), NAME, b"1")
        store.write(SafeName("often"), NAME, b"2")
    assert store._folders["often"] is first
    assert len(store._folders) == 2
