from __future__ import annotations

import errno
import hashlib
import os
import shutil
import stat
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path

import pytest

from cf_ai_platform_client.adapters import folders, local_store
from cf_ai_platform_client.adapters.disk_errors import concerns_one_file, disk_error
from cf_ai_platform_client.adapters.local_store import LocalStore
from cf_ai_platform_client.core.naming import SafeName
from cf_ai_platform_client.core.planning import FileState
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
        assert (store.state("batch/a.json"), store.sha256("batch/a.json")) == (None, None)
        store.clear_partials()
        assert not (tmp_path / "out").exists()
        store.write(FOLDER, NAME, b"1")
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
        error = write_error(store)
        assert str(error).startswith(f"{tmp_path / there} cannot be written: ")
        assert (error.filename, concerns_one_file(error)) == (str(tmp_path / there), True)
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


PATH = "batch/a.json"
NO_PATHS = ["../victim", "batch", "batch/", "/a.json", ".cf-ai/journal.sqlite3", "batch/../victim", "batch/a/b", ""]


def state_of(path: Path) -> FileState:
    found = path.stat()
    return FileState(found.st_size, found.st_mtime_ns)


def partials(folder: Path) -> list[str]:
    return [name for name in files_below(folder) if name.endswith(".part")]


def test_a_staged_file_has_its_state_before_its_name(store: LocalStore, tmp_path: Path) -> None:
    store.write(FOLDER, NAME, b"old")
    staged = store.stage(FOLDER, NAME, memoryview(b"new ones"))
    assert (tmp_path / "out" / PATH).read_bytes() == b"old"
    assert len(partials(tmp_path)) == 1
    assert (staged.path, staged.state.size) == (str(tmp_path / "out" / "batch" / "a.json"), 8)
    store.publish(staged)
    assert files_below(tmp_path) == {"out/batch/a.json": b"new ones"}
    assert store.state(PATH) == staged.state == state_of(tmp_path / "out" / PATH)


def test_a_file_can_be_written_in_pieces(store: LocalStore, tmp_path: Path) -> None:
    staged = store.start(FOLDER, NAME)
    for piece in (b"one, ", b"two"):
        os.write(staged.descriptor, piece)
    store.complete(staged)
    assert (staged.state.size, staged.descriptor) == (8, -1)
    store.publish(staged)
    assert files_below(tmp_path) == {"out/batch/a.json": b"one, two"}


@pytest.mark.parametrize("complete", [True, False])
def test_what_is_discarded_leaves_nothing(complete: bool, store: LocalStore, tmp_path: Path) -> None:
    store.write(FOLDER, NAME, b"old")
    staged = store.start(FOLDER, NAME)
    if complete:
        store.complete(staged)
    store.discard(staged)
    store.discard(staged)
    assert files_below(tmp_path) == {"out/batch/a.json": b"old"}
    if not complete:
        with pytest.raises(OSError):
            os.fstat(staged.descriptor)


def test_two_files_can_be_staged_at_once_under_one_name(store: LocalStore, tmp_path: Path) -> None:
    first, second = store.stage(FOLDER, NAME, b"1"), store.stage(FOLDER, NAME, b"2")
    store.publish(second)
    store.publish(first)
    assert files_below(tmp_path) == {"out/batch/a.json": b"1"}


def test_a_file_that_cannot_get_its_name_leaves_no_part(store: LocalStore, tmp_path: Path) -> None:
    staged = store.stage(FOLDER, NAME, b"1")
    (tmp_path / "out" / PATH).mkdir()
    with pytest.raises(DiskError, match="a folder stands in its place") as caught:
        store.publish(staged)
    assert concerns_one_file(caught.value)
    assert files_below(tmp_path) == {}


@pytest.mark.parametrize(("durable", "waits"), [(False, []), (True, ["file", "file", "folder"])])
def test_a_durable_store_waits_for_the_disk(
    durable: bool, waits: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[str] = []
    fsync = os.fsync

    def watching(descriptor: int) -> None:
        seen.append("folder" if stat.S_ISDIR(os.fstat(descriptor).st_mode) else "file")
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", watching)
    with closing(LocalStore(str(tmp_path / "out"), durable=durable)) as store:
        for staged in [store.stage(FOLDER, SafeName(name), b"1") for name in ("a.json", "b.json")]:
            store.publish(staged)
        store.sync()
        store.sync()
    assert seen == [wait for wait in waits if wait == "file" or folders._HAS_DESCRIPTORS]


def test_a_plain_file_has_a_state_and_a_digest(store: LocalStore, tmp_path: Path) -> None:
    content = b"x" * 2_500_000
    store.write(FOLDER, NAME, content)
    assert store.state(PATH) == state_of(tmp_path / "out" / PATH)
    assert store.sha256(PATH) == hashlib.sha256(content).digest()


def test_what_is_no_plain_file_has_no_state(store: LocalStore, tmp_path: Path) -> None:
    folder = tmp_path / "out" / "batch"
    folder.mkdir(parents=True)
    (folder / "folder.json").mkdir()
    (tmp_path / "victim").write_bytes(b"mine")
    (folder / "link.json").symlink_to(tmp_path / "victim")
    (tmp_path / "out" / "linked").symlink_to(folder)
    (folder / "a.json").write_bytes(b"1")
    os.mkfifo(folder / "pipe.json")
    missing = ["none.json", "folder.json", "link.json", "pipe.json", "x" * 250 + ".json"]
    paths = [*(f"batch/{name}" for name in missing), "linked/a.json", "nowhere/a.json", "batch/a.json/b"]
    assert [store.state(path) for path in paths] == [None] * len(paths)
    assert [store.sha256(path) for path in paths if "pipe" not in path] == [None] * (len(paths) - 1)
    assert not (tmp_path / "out" / "nowhere").exists()
    assert store.state(PATH)


@pytest.mark.parametrize("path", NO_PATHS)
def test_paths_that_lead_elsewhere_are_not_looked_at(path: str, store: LocalStore, tmp_path: Path) -> None:
    for victim in (tmp_path / "victim", tmp_path / "out" / ".cf-ai" / "journal.sqlite3"):
        victim.parent.mkdir(parents=True, exist_ok=True)
        victim.write_bytes(b"mine")
    store.write(FOLDER, NAME, b"1")
    assert (store.state(path), store.sha256(path)) == (None, None)
    store.remove(path)
    assert files_below(tmp_path) == {"victim": b"mine", "out/batch/a.json": b"1"}
    assert (tmp_path / "out" / ".cf-ai" / "journal.sqlite3").exists()


def test_where_nothing_can_be_there_is_nothing(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"mine")
    with closing(LocalStore(str(tmp_path / "file"))) as store:
        assert (store.state(PATH), store.sha256(PATH)) == (None, None)
        store.clear_partials()


def test_a_removed_file_takes_its_empty_folder_with_it(store: LocalStore, tmp_path: Path) -> None:
    store.write(FOLDER, NAME, b"1")
    store.write(FOLDER, SafeName("b.json"), b"2")
    store.remove(PATH)
    assert files_below(tmp_path) == {"out/batch/b.json": b"2"}
    store.remove("batch/b.json")
    assert list((tmp_path / "out").iterdir()) == []
    store.write(SafeName("other"), NAME, b"3")
    assert files_below(tmp_path) == {"out/other/a.json": b"3"}


def test_a_link_is_removed_and_what_it_names_is_not(store: LocalStore, tmp_path: Path) -> None:
    (tmp_path / "victim").write_bytes(b"mine")
    (tmp_path / "out" / "batch").mkdir(parents=True)
    (tmp_path / "out" / PATH).symlink_to(tmp_path / "victim")
    store.remove(PATH)
    assert files_below(tmp_path) == {"victim": b"mine"}
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "a.json").write_bytes(b"mine")
    (tmp_path / "out" / "linked").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(DiskError):
        store.remove("linked/a.json")
    assert files_below(tmp_path / "elsewhere") == {"a.json": b"mine"}


def test_a_file_that_is_not_there_cannot_be_removed(store: LocalStore, tmp_path: Path) -> None:
    store.write(FOLDER, NAME, b"1")
    with pytest.raises(DiskError):
        store.remove("batch/none.json")
    with pytest.raises(DiskError):
        store.remove("nowhere/a.json")
    assert files_below(tmp_path) == {"out/batch/a.json": b"1"}


def test_partial_files_are_cleared_and_nothing_else(store: LocalStore, tmp_path: Path) -> None:
    out = tmp_path / "out"
    kept = ["a.json", "mine.part", ".cf-ai-note", "batch/a.json", "batch/x.part", "batch/.cf-ai-x", "b/c/.cf-ai-1.part"]
    gone = ["batch/.cf-ai-1.part", "batch/.cf-ai-2.part", "other batch/.cf-ai-1.part"]
    kept += [".cf-ai-top.part", "CON/.cf-ai-1.part", "batch/.cf-ai-folder.part/x"]
    for name in [*kept, *gone]:
        (out / name).parent.mkdir(parents=True, exist_ok=True)
        (out / name).write_bytes(b"x")
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / ".cf-ai-1.part").write_bytes(b"x")
    (out / "linked").symlink_to(tmp_path / "elsewhere")
    store.clear_partials()
    assert set(files_below(out)) == {*kept}
    assert files_below(tmp_path / "elsewhere")
    assert (out / "other batch").is_dir()


def test_the_destination_is_where_full_paths_begin() -> None:
    for given, path in [("out", "out/batch/a.json"), ("out/", "out/batch/a.json"), (".", "./batch/a.json")]:
        assert LocalStore(given).full_path(PATH) == os.path.normcase(path)


@pytest.mark.parametrize(
    ("number", "code", "one_file", "said"),
    [
        (errno.ENOSPC, "disk_full", False, "the disk is full"),
        (errno.EFBIG, "disk_full", False, "a file-size limit was reached"),
        (errno.EDQUOT, "disk_full", False, os.strerror(errno.EDQUOT).lower()),
        (errno.EACCES, "disk_error", False, "permission denied"),
        (errno.EPERM, "disk_error", False, "permission denied"),
        (errno.EROFS, "disk_error", False, "the file system is read-only"),
        (errno.EIO, "disk_error", False, os.strerror(errno.EIO).lower()),
        (errno.ENOENT, "disk_error", False, "its folder is gone or cannot be made"),
        (errno.ELOOP, "disk_error", True, "a symbolic link stands in the way, which is not followed"),
        (errno.ENOTDIR, "disk_error", True, "something that is no folder stands in the way"),
        (errno.EISDIR, "disk_error", True, "a folder stands in its place"),
        (errno.ENAMETOOLONG, "disk_error", True, os.strerror(errno.ENAMETOOLONG).lower()),
        (None, "disk_error", False, "odd"),
    ],
)
def test_what_the_disk_refused_is_one_sentence_and_what_to_do(
    number: int | None, code: str, one_file: bool, said: str
) -> None:
    error = disk_error(OSError("odd") if number is None else OSError(number, os.strerror(number)), "out/a.json")
    assert str(error).startswith(f"out/a.json cannot be written: {said}. ")
    assert (error.code, error.errno, error.filename, error.strerror) == (code, number, "out/a.json", said)
    assert error.hint
    assert error.hint.endswith(".")
    assert concerns_one_file(error) == one_file
