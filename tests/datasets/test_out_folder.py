from __future__ import annotations

import errno
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from cf_ai_platform_client.datasets.out_folder import OutFolder, check_apart, check_free, write_folder
from cf_ai_platform_client.datasets.report import Report
from cf_ai_platform_client.errors import DiskError

from ..adapters.disks import files_of_at_most, mounted
from ..conftest import files_below

posix = pytest.mark.skipif(os.name != "posix", reason="links need rights on Windows")


@pytest.fixture
def out(tmp_path: Path) -> Path:
    return tmp_path / "around" / "out"


def write(out: Path, files: dict[str, bytes], **options: Any) -> OutFolder:
    with OutFolder(out, **options) as folder:
        for name, content in files.items():
            with folder.open(name) as file:
                file.write(content)
    return folder


def written(out: Path) -> dict[str, bytes]:
    return {name: content for name, content in files_below(out).items() if not name.startswith(".cf-ai/")}


def test_files_get_their_names_together_and_several_are_open_at_once(out: Path) -> None:
    with OutFolder(out) as folder:
        with folder.open("labels/a.txt") as first, folder.open("labels/b.txt") as second, folder.scratch() as scratch:
            for file in (first, second, scratch, first):
                file.write(b"1")
            scratch.seek(0)
            second.write(scratch.read())
        assert written(out) == {}
    assert written(out) == {"labels/a.txt": b"11", "labels/b.txt": b"11"}
    assert folder.files == [f"{out / 'labels'}/"]


def test_an_error_leaves_nothing_behind(out: Path) -> None:
    with pytest.raises(KeyError), OutFolder(out) as folder, folder.open("a.txt") as file:
        file.write(b"1")
        raise KeyError
    assert not out.parent.exists()


def test_a_folder_that_is_not_empty_is_refused(out: Path) -> None:
    out.mkdir(parents=True)
    (out / "mine.txt").write_text("mine")
    with pytest.raises(ValueError, match="which is not empty: choose a new folder, or overwrite=True"):
        write(out, {"a.txt": b"1"})
    assert written(out) == {"mine.txt": b"mine"}


def test_an_empty_folder_and_one_of_a_killed_run_are_taken(out: Path) -> None:
    (out / ".cf-ai").mkdir(parents=True)
    write(out, {"a.txt": b"1"})
    assert written(out) == {"a.txt": b"1"}


def test_overwriting_removes_what_an_earlier_run_left_and_nothing_else(out: Path) -> None:
    write(out, {"labels/old/gone.txt": b"1", "labels/stays.txt": b"1", "data.yaml": b"1"})
    (out / "labels/old/mine.txt").write_text("mine")
    folder = write(out, {"labels/stays.txt": b"2"}, overwrite=True)
    assert written(out) == {"labels/stays.txt": b"2", "labels/old/mine.txt": b"mine"}
    assert folder.warnings == []


def test_folders_that_are_empty_then_are_removed(out: Path) -> None:
    write(out, {"labels/train/a.txt": b"1"})
    write(out, {"b.txt": b"2"}, overwrite=True)
    assert sorted(path.name for path in out.iterdir()) == [".cf-ai", "b.txt"]


def test_what_somebody_changed_since_stays_and_is_said(out: Path) -> None:
    write(out, {"a.txt": b"1", "b.txt": b"1"})
    (out / "a.txt").write_text("by hand")
    folder = write(out, {"c.txt": b"2"}, overwrite=True)
    assert written(out) == {"a.txt": b"by hand", "c.txt": b"2"}
    assert folder.warnings == [f"{out / 'a.txt'} is of an earlier run, but was changed since: it stays."]


@pytest.mark.parametrize("name", ["images.csv", "a/b.csv"])
def test_what_no_run_wrote_is_not_replaced(out: Path, name: str) -> None:
    write(out, {"0.csv": b"1"})
    (out / name).parent.mkdir(exist_ok=True)
    (out / name).write_text("mine")
    before = files_below(out)
    with pytest.raises(DiskError, match=r"b?\.csv is in the way and is not known to be of an") as caught:
        write(out, {"0.csv": b"2", name: b"2"}, overwrite=True)
    assert caught.value.hint == "Move or remove it, or choose another folder."
    assert files_below(out) == before


def test_what_somebody_changed_since_is_not_replaced(out: Path) -> None:
    write(out, {"a.csv": b"1", "b.csv": b"1"})
    (out / "b.csv").write_text("by hand")
    before = files_below(out)
    with pytest.raises(DiskError, match=r"b\.csv is in the way and was changed since it was written"):
        write(out, {"a.csv": b"2", "b.csv": b"2"}, overwrite=True)
    assert files_below(out) == before


def test_what_comes_while_a_run_writes_is_not_replaced(out: Path) -> None:
    write(out, {"a.csv": b"1"})
    with pytest.raises(DiskError, match="was changed since it was written"), OutFolder(out, overwrite=True) as folder:
        with folder.open("a.csv") as file:
            file.write(b"2")
        (out / "a.csv").write_text("by hand")
    assert written(out) == {"a.csv": b"by hand"}


def test_an_interrupt_between_two_names_leaves_an_earlier_run_as_it_was(out: Path) -> None:
    def check() -> None:
        if (out / "a.txt").read_bytes() == b"2":
            raise KeyboardInterrupt

    write(out, {"a.txt": b"1", "b.txt": b"1", "gone.txt": b"1"})
    with pytest.raises(KeyboardInterrupt):
        write(out, {"a.txt": b"2", "b.txt": b"2", "c.txt": b"2"}, overwrite=True, check=check)
    assert written(out) == {"a.txt": b"1", "b.txt": b"1", "gone.txt": b"1"}
    write(out, {"c.txt": b"3"}, overwrite=True)
    assert written(out) == {"c.txt": b"3"}


@pytest.mark.parametrize("overwrite", [True, False])
def test_one_run_at_a_time_writes_to_a_folder(out: Path, overwrite: bool) -> None:
    with OutFolder(out, overwrite=overwrite) as folder:
        with pytest.raises(DiskError, match=r"Another run is writing to .*out\."):
            write(out, {"b.txt": b"2"}, overwrite=overwrite)
        with folder.open("a.txt") as file:
            file.write(b"1")
    listed = (out / ".cf-ai/written.jsonl").read_bytes()
    with pytest.raises(ValueError, match="which is not empty"):
        write(out, {"b.txt": b"2"})
    assert written(out) == {"a.txt": b"1"}
    assert (out / ".cf-ai/written.jsonl").read_bytes() == listed


def test_runs_among_others_write_at_once_under_other_names(out: Path) -> None:
    with OutFolder(out, among_others="a.json") as folder:
        write(out, {"b.json": b"2"}, among_others="b.json")
        with pytest.raises(DiskError, match="Another run is writing"):
            write(out, {"a.json": b"2"}, among_others="A.json")
        with folder.open("a.json") as file:
            file.write(b"1")
    assert files_below(out) == {"a.json": b"1", "b.json": b"2"}


def test_an_error_leaves_an_earlier_run_as_it_was(out: Path) -> None:
    write(out, {"a.txt": b"1"})
    before = files_below(out)
    with pytest.raises(KeyError), OutFolder(out, overwrite=True) as folder, folder.open("a.txt") as file:
        file.write(b"2")
        raise KeyError
    assert files_below(out) == before


def test_what_stands_in_the_way_leaves_nothing_behind(out: Path) -> None:
    (out / "a.txt").mkdir(parents=True)
    with pytest.raises(DiskError, match="a folder stands in its place"):
        write(out, {"0.txt": b"1", "a.txt": b"1"}, overwrite=True)
    assert [path.name for path in out.rglob("*")] == ["a.txt"]


@pytest.mark.parametrize("name", ["../a.txt", "/a.txt", "a//b.txt", ".cf-ai/journal", "a/con", ""])
def test_names_that_are_none_are_refused(out: Path, name: str) -> None:
    with pytest.raises(ValueError, match="is no name for a file"):
        write(out, {name: b""})
    assert not out.parent.exists()


def test_images_are_copied(out: Path, tmp_path: Path) -> None:
    image = tmp_path / "樹.jpg"
    image.write_bytes(b"\xff\xd8" * 700_000)
    with OutFolder(out) as folder:
        assert folder.add_image("images/a.jpg", str(image))
        assert not folder.add_image("images/b.jpg", None)
    assert written(out) == {"images/a.jpg": image.read_bytes()}


@posix
def test_images_are_linked_to_by_absolute_paths(out: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("a.jpg").write_bytes(b"1")
    with OutFolder(out, images="link") as folder:
        folder.add_image("images/a.jpg", "a.jpg")
    assert (out / "images/a.jpg").readlink() == tmp_path / "a.jpg"
    write(out, {"b.txt": b""}, overwrite=True)
    assert written(out) == {"b.txt": b""}
    assert Path("a.jpg").read_bytes() == b"1"


def test_images_are_left_where_they_are(out: Path, tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_bytes(b"1")
    with OutFolder(out, images="none") as folder:
        assert not folder.add_image("images/a.jpg", str(tmp_path / "a.jpg"))
    assert written(out) == {}


def test_an_image_that_is_gone_is_said(out: Path, tmp_path: Path) -> None:
    with pytest.raises(DiskError, match=r"gone\.jpg cannot be read: no such file"), OutFolder(out) as folder:
        folder.add_image("images/a.jpg", str(tmp_path / "gone.jpg"))
    assert not out.exists()


def test_a_file_size_limit_leaves_nothing_behind(out: Path) -> None:
    with (
        files_of_at_most(100_000),
        pytest.raises(DiskError, match=r"labels.a\.txt cannot be written: a file-size limit"),
    ):
        write(out, {"labels/a.txt": b"1" * 200_000})
    assert not out.parent.exists()


def test_a_full_disk_leaves_nothing_behind(tmp_path: Path) -> None:
    with mounted(tmp_path / "disk", "size=256k"):
        with pytest.raises(DiskError, match="the disk is full") as caught:
            write(tmp_path / "disk/out", {"a.txt": b"1" * 100_000, "b.txt": b"1" * 400_000})
        assert caught.value.errno == errno.ENOSPC
        assert list((tmp_path / "disk").iterdir()) == []


_KILLED = """
import os, signal, sys
from cf_ai_platform_client.datasets.out_folder import OutFolder
with OutFolder(sys.argv[1]) as out:
    with out.open("images/a.txt") as file:
        file.write(b"1" * 200_000)
    os.kill(os.getpid(), signal.SIGKILL)
"""


@posix
def test_a_killed_run_leaves_nothing_under_the_final_names_and_the_next_one_clears_up(out: Path) -> None:
    subprocess.run([sys.executable, "-c", _KILLED, out], check=False)
    assert [path.name for path in out.iterdir()] == [".cf-ai"]
    write(out, {"b.txt": b"1"})
    assert sorted(path.relative_to(out).as_posix() for path in out.rglob("*")) == [
        ".cf-ai",
        ".cf-ai/written.jsonl",
        "b.txt",
    ]


def test_among_other_files_only_its_own_are_refused(out: Path) -> None:
    out.mkdir(parents=True)
    (out / "mine.txt").write_text("mine")
    write(out, {"all.json": b"1"}, among_others="all.json")
    assert files_below(out) == {"mine.txt": b"mine", "all.json": b"1"}
    with pytest.raises(ValueError, match=r"all\.json is there already: choose another name, or overwrite=True"):
        check_free({out / "all.json": lambda path: path.read_bytes() == b"1"}, overwrite=False)
    check_free({out / "all.json": lambda path: path.read_bytes() == b"1"}, overwrite=True)
    write(out, {"all.json": b"2"}, among_others="all.json", overwrite=True)
    assert files_below(out) == {"mine.txt": b"mine", "all.json": b"2"}
    with pytest.raises(ValueError, match=r"all\.json is not known to be of an earlier run: move or remove it"):
        check_free({out / "all.json": lambda path: path.read_bytes() == b"1"}, overwrite=True)


def test_nothing_is_written_into_or_around_what_is_read(tmp_path: Path) -> None:
    root = tmp_path / "annotations"
    root.mkdir()
    with pytest.raises(ValueError, match="which lies in the dataset .* choose a folder beside it"):
        check_apart(root / "merged", root)
    with pytest.raises(ValueError, match="which is what is read"):
        check_apart(root / "..", tmp_path)
    with pytest.raises(ValueError, match="in which the dataset .* lies"):
        check_apart(tmp_path, root)
    check_apart(tmp_path / "annotations 2", root)


@posix
def test_a_link_into_the_dataset_is_seen(tmp_path: Path) -> None:
    (tmp_path / "annotations").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "annotations")
    with pytest.raises(ValueError, match="which lies in the dataset"):
        check_apart(tmp_path / "link" / "out", tmp_path / "annotations")


def test_progress_is_told_and_what_it_raises_ends_it(out: Path) -> None:
    def work(folder: OutFolder) -> None:
        report.images.came_in += 1
        with folder.open("a.txt"):
            pass

    report, seen = Report(), list[int]()
    write_folder(out, work, report, overwrite=False, progress=lambda found: seen.append(found.images.came_in))
    assert set(seen) == {1}
    assert report.files == [str(out / "a.txt")]
    with pytest.raises(KeyError):
        write_folder(out.parent / "other", work, report, overwrite=False, progress=lambda _: {}["no"])
    assert sorted(path.name for path in out.parent.iterdir()) == ["out"]
