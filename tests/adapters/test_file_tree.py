from __future__ import annotations

import contextlib
import errno
import os
import sys
import threading
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest

from cf_ai_platform_client.adapters import folders
from cf_ai_platform_client.adapters.file_tree import FileTree, Parts
from cf_ai_platform_client.core.naming import SafeName
from cf_ai_platform_client.errors import DiskError

from ..conftest import files_below
from .disks import files_of_at_most

posix = pytest.mark.skipif(os.name != "posix", reason="links need rights on Windows")


def at(path: str) -> Parts:
    return tuple(map(SafeName, path.split("/")))


@pytest.fixture(params=[True, False], ids=["descriptors", "paths"], autouse=True)
def _descriptors(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Run every test the way of systems with directory descriptors, and that of Windows."""
    if request.param and not folders._HAS_DESCRIPTORS:
        pytest.skip("this system has no directory descriptors")
    monkeypatch.setattr(folders, "_HAS_DESCRIPTORS", request.param)


@pytest.fixture
def out(tmp_path: Path) -> Path:
    return tmp_path / "around" / "out"


@pytest.fixture
def tree(out: Path) -> Iterator[FileTree]:
    made = FileTree(str(out))
    yield made
    made.close()


def everything(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*"))


def test_files_get_their_names_together(tree: FileTree, out: Path) -> None:
    tree.make()
    assert tree.write(at("a/b/c.json"), [b"{", b"", b"}"]) == 2
    assert tree.write(at("d.csv"), []) == 0
    assert {path.split("/")[0] for path in everything(out)} == {".cf-ai"}
    tree.publish(overwrite=False)
    tree.close()
    assert everything(out) == ["a", "a/b", "a/b/c.json", "d.csv"]
    assert files_below(out) == {"a/b/c.json": b"{}", "d.csv": b""}


def test_undo_leaves_nothing_that_was_made(tree: FileTree, out: Path, tmp_path: Path) -> None:
    tree.make()
    tree.write(at("a/b/c.json"), [b"{}"])
    tree.undo()
    assert everything(tmp_path) == []


def test_undo_leaves_what_was_there(tree: FileTree, out: Path) -> None:
    (out / "a/old").mkdir(parents=True)
    (out / "a/mine.txt").write_text("mine")
    tree.make()
    for name in ("a/x.json", "a/old/x.json", "a/new/x.json"):
        tree.write(at(name), [b"{}"])
    tree.undo()
    assert everything(out) == ["a", "a/mine.txt", "a/old"]


def test_undo_after_names_were_given(tree: FileTree, out: Path) -> None:
    out.mkdir(parents=True)
    (out / "b").write_bytes(b"old")
    tree.make()
    for name in ("a/x", "b", "c"):
        tree.write(at(name), [b"new"])
    stops = iter([None, None, KeyError()])

    def check() -> None:
        if error := next(stops):
            raise error

    with pytest.raises(KeyError):
        tree.publish(overwrite=True, check=check)
    assert files_below(out)["b"] == b"new"
    tree.undo()
    assert (everything(out), (out / "b").read_bytes()) == (["b"], b"old")


def test_what_stands_in_the_way_is_said_before_anything_is_replaced(tree: FileTree, out: Path) -> None:
    (out / "c").mkdir(parents=True)
    (out / "b").write_bytes(b"old")
    before = (out / "b").stat().st_ino
    tree.make()
    for name in ("b", "c"):
        tree.write(at(name), [b"new"])
    with pytest.raises(DiskError, match="a folder stands in its place"):
        tree.publish(overwrite=True)
    assert ((out / "b").read_bytes(), (out / "b").stat().st_ino) == (b"old", before)
    tree.undo()
    assert files_below(out) == {"b": b"old"}


def test_a_path_is_not_written_twice(tree: FileTree, out: Path) -> None:
    tree.make()
    tree.write(at("a/x"), [b"1"])
    with pytest.raises(DiskError, match=r"a.x would be written twice: nothing was extracted"):
        tree.write(at("a/x"), [b"2"])


@posix
def test_a_link_is_not_made_where_a_file_is_written(tree: FileTree, out: Path) -> None:
    tree.make()
    tree.write(at("a/x"), [b"1"])
    with pytest.raises(DiskError, match=r"a.x would be written twice"):
        tree.link(at("a/x"), "target")


def test_one_at_a_time_writes_alone(out: Path) -> None:
    first, second, other = FileTree(str(out), alone="a"), FileTree(str(out), alone="a"), FileTree(str(out), alone="b")
    first.make()
    other.make()
    with pytest.raises(DiskError, match=r"Another run is writing to .*out\."):
        second.make()
    second.undo()
    first.close()
    second.make()
    for tree in (second, other):
        tree.undo()
    assert not (out / ".cf-ai").exists()


def test_a_file_is_not_overwritten_unless_asked_for(tree: FileTree, out: Path) -> None:
    (out / "a").mkdir(parents=True)
    (out / "a/x").write_bytes(b"old")
    paths = [at("b/x"), at("a/x")]
    tree.check_room(paths, overwrite=True)
    with pytest.raises(DiskError, match="is there already: nothing was extracted") as caught:
        tree.check_room(paths, overwrite=False)
    assert (caught.value.errno, caught.value.filename) == (errno.EEXIST, str(out / "a" / "x"))
    tree.make()
    tree.write(at("a/x"), [b"new"])
    with pytest.raises(DiskError, match="is there already"):  # as where it came after the check
        tree.publish(overwrite=False)
    tree.publish(overwrite=True)
    assert files_below(out) == {"a/x": b"new"}


def test_room_where_nothing_is(tree: FileTree, out: Path) -> None:
    tree.check_room([at("a/x")], overwrite=False)
    out.mkdir(parents=True)
    tree.check_room([at("x"), at("a/b/x"), at("a/b/y"), at("a/c/y")], overwrite=False)
    assert everything(out) == []


@pytest.mark.parametrize("overwrite", [True, False])
def test_what_stands_in_the_way_is_said_before_anything_is_written(tree: FileTree, out: Path, overwrite: bool) -> None:
    (out / "folder").mkdir(parents=True)
    (out / "file").write_bytes(b"")
    with pytest.raises(DiskError, match="a folder stands in its place"):
        tree.check_room([at("folder")], overwrite=overwrite)
    with pytest.raises(DiskError, match="stands in the way"):
        tree.check_room([at("file/x")], overwrite=overwrite)


@posix
def test_no_link_is_followed(tree: FileTree, out: Path, tmp_path: Path) -> None:
    target = tmp_path / "target"
    target.mkdir()
    (target / "x").write_bytes(b"theirs")
    out.mkdir(parents=True)
    (out / "folder").symlink_to(target)
    (out / "file").symlink_to(target / "x")
    with pytest.raises(DiskError, match="stands in the way"):
        tree.check_room([at("folder/x")], overwrite=True)
    with pytest.raises(DiskError, match="is there already"):
        tree.check_room([at("file")], overwrite=False)
    tree.make()
    tree.write(at("file"), [b"ours"])
    tree.publish(overwrite=True)
    tree.write(at("folder/x"), [b"ours"])
    with pytest.raises(DiskError, match="stands in the way"):
        tree.publish(overwrite=True)
    assert (files_below(target), (out / "file").is_symlink()) == ({"x": b"theirs"}, False)


@posix
def test_a_link_that_comes_while_files_are_written_is_not_followed(tree: FileTree, out: Path, tmp_path: Path) -> None:
    target = tmp_path / "target"
    target.mkdir()
    (out / "a").mkdir(parents=True)
    tree.check_room([at("a/x")], overwrite=False)
    tree.make()
    tree.write(at("a/x"), [b"ours"])
    (out / "a").rename(out / "moved")
    (out / "a").symlink_to(target)
    with pytest.raises(DiskError, match="stands in the way"):
        tree.publish(overwrite=True)
    tree.undo()
    assert everything(target) == []


@posix
def test_the_destination_itself_may_be_a_link(tree: FileTree, out: Path, tmp_path: Path) -> None:
    target = tmp_path / "target"
    target.mkdir()
    out.parent.mkdir()
    out.symlink_to(target)
    tree.check_room([at("a/x")], overwrite=False)
    tree.make()
    tree.write(at("a/x"), [b"ours"])
    tree.publish(overwrite=False)
    assert files_below(target) == {"a/x": b"ours"}


def test_more_folders_than_are_held_open(tree: FileTree, out: Path) -> None:
    names = [f"{number % 7}/{number}/x" for number in range(150)]
    tree.make()
    for name in names:
        tree.write(at(name), [b""])
    tree.publish(overwrite=False)
    assert sorted(files_below(out)) == sorted(names)
    tree.undo()
    assert not out.parent.exists()


def test_a_destination_that_is_a_file(tree: FileTree, out: Path) -> None:
    out.parent.mkdir()
    out.write_bytes(b"")
    tree.check_room([at("a")], overwrite=False)
    with pytest.raises(DiskError, match="something that is no folder stands in the way"):
        tree.make()


def test_what_stands_where_files_are_written_first(tree: FileTree, out: Path) -> None:
    out.mkdir(parents=True)
    (out / ".cf-ai").write_bytes(b"")
    with pytest.raises(DiskError, match=r"out.\.cf-ai.*stands in the way"):
        tree.make()
    tree.undo()
    assert everything(out) == [".cf-ai"]


def test_a_full_disk_is_said_and_what_went_wrong_inside_stays_itself(tree: FileTree, out: Path) -> None:
    tree.make()
    with files_of_at_most(1000), pytest.raises(DiskError, match="a file-size limit was reached") as caught:
        tree.write(at("a/x"), [bytes(900), bytes(900)])
    assert (caught.value.code, caught.value.filename) == ("disk_full", str(out / "a" / "x"))

    def broken() -> Iterator[bytes]:
        yield b"x"
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        tree.write(at("a/y"), broken())
    tree.undo()
    assert not out.parent.exists()


OPERATIONS = {"open", "os.mkdir", "os.link", "os.rename", "os.remove", "os.scandir"}


def operations(work: Callable[[], object], fails_at: int = -1, fails: BaseException | None = None) -> int:
    """Do work, let its n-th operation on files fail, and return how many there were."""
    count, here = 0, threading.get_ident()

    def look(event: str, _: object) -> None:
        nonlocal count, here
        if threading.get_ident() == here and event in OPERATIONS:
            count += 1
            if count == fails_at and fails is not None:
                raise fails

    sys.addaudithook(look)
    try:
        work()
    finally:
        here = 0  # a hook stays for ever
    return count


@pytest.mark.parametrize("fails", [KeyboardInterrupt(), OSError(errno.EIO, "broken")], ids=["interrupt", "error"])
def test_whatever_step_fails_undo_leaves_nothing(fails: BaseException, out: Path) -> None:
    def work(tree: FileTree) -> None:
        tree.make()
        for name in ("a/b/c", "a/d", "e"):
            tree.write(at(name), [b"x"])
        tree.publish(overwrite=False)

    whole = FileTree(str(out / "whole"))
    steps = operations(lambda: work(whole))
    whole.undo()
    assert steps > 15
    for step in range(1, steps + 1):
        tree = FileTree(str(out / "new"))
        with contextlib.suppress(type(fails), DiskError):  # some failures are borne, such as of what was left behind
            operations(partial(work, tree), step, fails)
        tree.undo()
        assert not out.exists(), step


@pytest.mark.parametrize("fails", [KeyboardInterrupt(), OSError(errno.EIO, "broken")], ids=["interrupt", "error"])
def test_whatever_step_fails_undo_gives_back_what_was_replaced(fails: BaseException, out: Path) -> None:
    def work(tree: FileTree) -> None:
        tree.make()
        for name in ("a/b", "c", "d"):
            tree.write(at(name), [b"new"])
        tree.publish(overwrite=True)

    old = {"a/b": b"old", "c": b"old"}
    for step in range(1, 100):
        for name, content in old.items():
            (out / name).parent.mkdir(parents=True, exist_ok=True)
            (out / name).write_bytes(content)
        tree = FileTree(str(out))
        with contextlib.suppress(type(fails), DiskError):
            count = operations(partial(work, tree), step, fails)
        tree.undo()
        assert {name: content for name, content in files_below(out).items() if name[0] != "."} == old, step
    assert count < 99


def test_undo_leaves_a_file_of_another_that_came_just_before_ours(tree: FileTree, out: Path) -> None:
    tree.make()
    tree.write(at("x"), [b"ours"])

    def comes(event: str, _: object) -> None:
        if event == "os.rename" and out.exists() and not (out / "x").exists():
            (out / "x").write_bytes(b"theirs")
            raise KeyboardInterrupt

    sys.addaudithook(comes)
    with pytest.raises(KeyboardInterrupt):
        tree.publish(overwrite=False)
    tree.undo()
    assert everything(out) == ["x"]
    assert files_below(out) == {"x": b"theirs"}


def test_several_files_are_open_at_once(tree: FileTree, out: Path) -> None:
    tree.make()
    with tree.open(at("a/x")) as first, tree.open(at("b")) as second, tree.scratch() as scratch:
        for file in (first, second, scratch, first):
            file.write(b"1")
        scratch.seek(0)
        second.write(scratch.read())
    sizes = {"/".join(path): state.size for path, state in tree.staged()}
    tree.publish(overwrite=False)
    tree.close()
    assert sizes == {"a/x": 2, "b": 2}
    assert files_below(out) == {"a/x": b"11", "b": b"11"}
    assert everything(out) == ["a", "a/x", "b"]


def test_the_state_of_a_file_stays_when_it_gets_its_name(tree: FileTree, out: Path) -> None:
    tree.make()
    tree.write(at("a/x"), [b"1"])
    staged = dict(tree.staged())
    tree.publish(overwrite=False)
    assert staged[at("a/x")].mtime_ns == (out / "a/x").stat().st_mtime_ns
    assert tree.remove(at("a/x"), staged[at("a/x")])
    assert not (out / "a").exists()
    assert tree.remove(at("a/x"), staged[at("a/x")])  # it is gone


def test_what_changed_is_not_removed(tree: FileTree, out: Path) -> None:
    tree.make()
    tree.write(at("a/x"), [b"1"])
    ((_, state),) = tree.staged()
    tree.publish(overwrite=False)
    (out / "a/x").write_bytes(b"22")
    assert not tree.remove(at("a/x"), state)
    assert files_below(out) == {"a/x": b"22"}


@posix
def test_links_get_their_names_with_the_files_and_are_removed_as_links(tree: FileTree, out: Path) -> None:
    tree.make()
    target = out.parent / "target"
    target.write_bytes(b"1")
    tree.link(at("a/x"), str(target))
    ((_, state),) = tree.staged()
    tree.publish(overwrite=False)
    assert (out / "a/x").readlink() == target
    assert tree.remove(at("a/x"), state)
    assert target.read_bytes() == b"1"
    assert not (out / "a").exists()


def test_check_is_called_before_each_write_and_may_raise(tree: FileTree, out: Path) -> None:
    def check() -> None:
        calls.append(1)
        if len(calls) == 2:
            raise KeyError

    calls: list[int] = []
    tree.make()
    with pytest.raises(KeyError), tree.open(at("x"), buffering=0, check=check) as file:
        file.write(b"1")
        file.write(b"2")
    tree.undo()
    assert not out.exists()
