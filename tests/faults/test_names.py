"""P1 to P4: names that no file system likes, that meet, that lead out, and links that stand or are put in the way."""

from __future__ import annotations

import os
import re
import shutil
import sqlite3
import sys
import unicodedata
from collections.abc import Callable
from contextlib import closing
from hashlib import sha256
from pathlib import Path

import pytest

from cf_ai_platform_client import Destination
from cf_ai_platform_client.events import Event, ItemFailed, ItemStored, PageListed

from ..conftest import files_below
from .projects import asked, folders_by_batch, journal_of, made, rows, serve, sources_of
from .promise import check_secrets, check_tidy, client_of, is_whole, run, watched

NAMES = {
    "parent": "..",
    "here": ".",
    "blank": "",
    "space": "   ",
    "slash": "a/b",
    "way out": "../../etc/passwd",
    "absolute": "/etc/passwd",
    "drive": "C:x",
    "drive path": "C:\\Windows\\x",
    "share": "\\\\server\\share",
    "stream": "x::$DATA",
    "NUL": "nul\0byte",
    "control": "a\x01b\x1f\x7f",
    "lines": "first\r\nsecond",
    "device": "CON",
    "device with extension": "nul.txt",
    "superscript device": "COM¹",
    "device, dots": "aux. . .",
    "trailing dot": "plot.",
    "trailing space": "plot ",
    "300 characters": "n" * 300,
    "300 wide characters": "\U0001f9ec" * 300,
    "300 combining": "e" + "\u0301" * 300,
    "lone surrogate": "\ud800",
    "surrogate inside": "a\udfffb",
    "right to left": "gpj\u202eexe",
    "ours": ".cf-ai",
    "ours, capital": ".CF-AI",
    "a part of ours": ".cf-ai-0123456789abcdef.part",
    "hidden": ".bashrc",
    "option": "-rf",
    "shell": "$(reboot) `x` %PATH% ~",
    "Default": "Default",
    "a number": "7",
}
RESERVED = re.compile(r"(con|prn|aux|nul|conin\$|conout\$|(com|lpt)[0-9¹²³])", re.IGNORECASE)
LINKS = pytest.mark.skipif(sys.platform == "win32", reason="needs symbolic links")


def portable(name: str) -> bool:
    """Tell whether Windows, macOS and Linux all take a name: written here anew, not taken from the product."""
    return (
        0 < len(name.encode()) <= 255
        and not set(name) & set('<>:"/\\|?*')
        and not any(unicodedata.category(character) in {"Cc", "Cs"} for character in name)
        and name[-1] not in ". "
        and name[0] != " "
        and not RESERVED.fullmatch(name.partition(".")[0].strip())
    )


def same_everywhere(name: str) -> set[str]:
    """Return what systems that do not tell case or composition apart make of a name."""
    return {unicodedata.normalize(form, name.casefold()) for form in ("NFC", "NFD", "NFKC")}


def folders_of(files: dict[str, bytes]) -> list[str]:
    return sorted({name.partition("/")[0] for name in files})


def test_p1_every_name_becomes_a_folder_below_the_destination(destination: Path) -> None:
    batches = dict(enumerate(NAMES.values(), 100))
    items = {f"item-{batch}": batch for batch in batches}
    with serve(made(items, batches)) as sandbox:
        kept = run(client_of(sandbox), destination, expected=sources_of(items))
        assert kept.counts() == (len(items), 0, 0, 0)
        assert run(client_of(sandbox), destination, expected=sources_of(items)).counts() == (0, len(items), 0, 0)
    folders = folders_of(kept.files)
    assert len(folders) == len(batches), "each batch has a folder of its own"
    assert all(portable(part) for name in kept.files for part in name.split("/"))
    assert {entry.name for entry in destination.iterdir()} == {*folders, ".cf-ai"}


def test_p1_the_way_back_from_folders_to_batches_is_in_the_journal(destination: Path) -> None:
    batches = dict(enumerate(NAMES.values(), 100))
    items = {f"item-{batch}": batch for batch in batches}
    with serve(made(items, batches)) as sandbox:
        kept = run(client_of(sandbox), destination, expected=sources_of(items))
    known = folders_by_batch(destination)
    assert set(known) == {*map(str, batches), ""}
    for name in kept.files:
        folder, file = name.split("/")
        batch = file.removeprefix("item-").removesuffix(".json")
        assert known[batch][0] == folder
        published = batches[int(batch)]
        seen = published.encode("utf-8", "replace").decode()  # half a surrogate pair cannot be kept
        assert known[batch][1] == (seen.strip() if seen else batch)


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES.values(), ids=NAMES)
def test_p1_each_name_alone_in_the_project(name: str, destination: Path) -> None:
    with serve(made({"a": 1, "b": None}, {1: name})) as sandbox:
        kept = run(client_of(sandbox), destination, expected=sources_of({"a": 1, "b": None}))
    assert kept.counts() == (2, 0, 0, 0)
    assert len(folders_of(kept.files)) == 2


TWINS = {
    "slash and colon": ("a/b", "a:b"),
    "case": ("A", "a"),
    "composition": ("\u00e9", "e\u0301"),
    "case and composition": ("\u00c9", "e\u0301"),
    "sharp s": ("Straße", "STRASSE"),
    "trailing dot": ("plot", "plot."),
    "both cleaned to nothing": ("..", "."),
    "long": ("n" * 300, "n" * 301),
    "the other's suffix": ("a/b (2)", "a:b (2)"),
}


@pytest.mark.parametrize(("one", "other"), TWINS.values(), ids=TWINS)
@pytest.mark.parametrize("turned", [False, True], ids=["in order", "turned round"])
def test_p2_names_that_meet_get_folders_of_their_own(one: str, other: str, turned: bool, destination: Path) -> None:
    batches = {2: other, 1: one} if turned else {1: one, 2: other}
    items: dict[str, int | None] = {"x": 2, "y": 1}
    with serve(made(items, batches)) as sandbox:
        kept = run(client_of(sandbox), destination, expected=sources_of(items))
    first, second = (folders_by_batch(destination)[batch][0] for batch in ("1", "2"))
    assert not same_everywhere(first) & same_everywhere(second)
    assert second.endswith(" (2)")
    assert set(kept.files) == {f"{second}/x.json", f"{first}/y.json"}


def test_p2_the_lowest_id_keeps_the_published_name_however_many_meet(destination: Path) -> None:
    batches = {9: "a:b", 5: "A/B", 3: "a/b", 7: "a_b (9)"}
    items = {f"i{batch}": batch for batch in batches}
    with serve(made(items, batches)) as sandbox:
        run(client_of(sandbox), destination, expected=sources_of(items))
    assert {batch: folder for batch, (folder, _) in folders_by_batch(destination).items() if batch} == {
        "3": "a_b",
        "5": "A_B (5)",
        "7": "a_b (9)",
        "9": "a_b (9) 2",
    }


def test_p2_folders_stay_when_batches_with_lower_ids_come(destination: Path) -> None:
    with serve(made({"x": 2}, {2: "a:b"})) as sandbox:
        run(client_of(sandbox), destination, expected=sources_of({"x": 2}))
    items: dict[str, int | None] = {"x": 2, "y": 1, "z": 3}
    for batches in ({1: "a/b", 2: "a:b", 3: "A_b"}, {3: "A_b", 2: "a:b", 1: "a/b"}):
        with serve(made(items, batches)) as sandbox:
            kept = run(client_of(sandbox), destination, expected=sources_of(items))
        assert set(kept.files) == {"a_b/x.json", "a_b (1)/y.json", "A_b (3)/z.json"}
        assert kept.summary is not None
        assert (kept.summary.stale, kept.summary.warnings) == (0, [])
    assert kept.counts() == (0, 3, 0, 0)


def test_p2_folders_stay_when_a_batch_leaves_and_comes_back(destination: Path) -> None:
    both: dict[str, int | None] = {"x": 1, "y": 2}
    for items, batches in ((both, {1: "a", 2: "A"}), ({"y": 2}, {2: "A"}), (both, {1: "a", 2: "A"})):
        with serve(made(items, batches)) as sandbox:
            kept = run(client_of(sandbox), destination, expected=sources_of(items))
    assert set(kept.files) == {"a/x.json", "A (2)/y.json"}


def test_p2_a_batch_that_is_not_listed_and_one_named_by_its_id(destination: Path) -> None:
    items: dict[str, int | None] = {"x": 12, "y": 5}
    with serve(made(items, {5: "12"})) as sandbox:
        kept = run(client_of(sandbox), destination, expected=sources_of(items))
    assert set(kept.files) == {"12/y.json", "12 (12)/x.json"}


def test_p2_a_batch_that_is_not_listed_keeps_its_folder_when_one_named_by_its_id_comes(destination: Path) -> None:
    with serve(made({"x": 12}, {})) as sandbox:
        run(client_of(sandbox), destination, expected=sources_of({"x": 12}))
    items: dict[str, int | None] = {"x": 12, "y": 5, "z": 12}
    with serve(made(items, {5: "12"})) as sandbox:
        kept = run(client_of(sandbox), destination, expected=sources_of(items))
    assert set(kept.files) == {"12/x.json", "12/z.json", "12 (5)/y.json"}
    assert folders_by_batch(destination)["12"][0] == "12"
    with serve(made(items, {5: "12", 12: "plots"})) as sandbox:
        late = run(client_of(sandbox), destination, expected=sources_of(items))
    assert set(late.files) == set(kept.files)


def test_p2_a_batch_named_as_what_has_none(destination: Path) -> None:
    items: dict[str, int | None] = {"x": None, "y": 1, "z": 2}
    with serve(made({"x": None}, {})) as sandbox:
        run(client_of(sandbox), destination, expected=sources_of({"x": None}))
    with serve(made(items, {1: "Default", 2: "DEFAULT"})) as sandbox:
        kept = run(client_of(sandbox), destination, expected=sources_of(items))
    assert set(kept.files) == {"Default/x.json", "Default (1)/y.json", "DEFAULT (2)/z.json"}


def test_p2_a_renamed_batch_keeps_its_folder_and_that_is_said_once(destination: Path) -> None:
    items: dict[str, int | None] = {"x": 1, "y": 1}
    with serve(made({"x": 1}, {1: "before"})) as sandbox:
        run(client_of(sandbox), destination, expected=sources_of(items))
    with serve(made(items, {1: "after\x1b[31m"})) as sandbox:
        kept = run(client_of(sandbox), destination, expected=sources_of(items))
        again = run(client_of(sandbox), destination, expected=sources_of(items))
    assert set(kept.files) == {"before/x.json", "before/y.json"}
    assert kept.summary is not None
    assert again.summary is not None
    (said,) = kept.summary.warnings
    assert all(part in said for part in ("Batch 1 ", "before", "after"))
    assert "\x1b" not in said
    assert again.summary.warnings == []


def test_p2_an_item_that_moves_gets_the_new_folder_and_its_old_file_is_stale(destination: Path) -> None:
    batches = {1: "one", 2: "two"}
    with serve(made({"x": 1, "y": 1}, batches)) as sandbox:
        run(client_of(sandbox), destination)
    moved: dict[str, int | None] = {"x": 2, "y": 1}
    with serve(made(moved, batches)) as sandbox:
        kept = run(client_of(sandbox), destination, expected=sources_of(moved))
        assert set(kept.files) == {"one/x.json", "two/x.json", "one/y.json"}
        assert kept.summary is not None
        assert (kept.counts(), kept.summary.stale) == ((1, 1, 0, 0), 1)
        pruned = run(client_of(sandbox), destination, expected=sources_of(moved), prune=True)
    assert set(pruned.files) == {"two/x.json", "one/y.json"}
    assert pruned.summary is not None
    assert (pruned.summary.stale, pruned.summary.pruned) == (1, 1)


def test_p2_an_item_that_moves_there_and_back_loses_nothing_to_pruning(destination: Path) -> None:
    batches = {1: "one", 2: "two"}
    for batch in (1, 2, 1):
        with serve(made({"x": batch}, batches)) as sandbox:
            kept = run(client_of(sandbox), destination, expected=sources_of({"x": batch}))
    assert kept.summary is not None
    assert kept.summary.stale == 1
    with serve(made({"x": 1}, batches)) as sandbox:
        pruned = run(client_of(sandbox), destination, expected=sources_of({"x": 1}), prune=True)
    assert set(pruned.files) == {"one/x.json"}
    assert not (destination / "two").exists(), "an empty folder goes with its last file"


def test_p2_items_whose_ids_meet_get_files_of_their_own(destination: Path) -> None:
    ids = ["a", "A", "\u00e9", "e\u0301", "x?y", "x:y", "x_y", "q" * 300, "q" * 301, "CON", "con"]
    items: dict[str, int | None] = dict.fromkeys(ids, 1)
    with serve(made(items, {1: "one"})) as sandbox:
        kept = run(client_of(sandbox), destination, expected=sources_of(items))
    assert kept.counts() == (len(ids), 0, 0, 0)
    names = [name.partition("/")[2] for name in kept.files]
    assert len({min(same_everywhere(name)) for name in names}) == len(ids)
    assert all(map(portable, names))


IDS = ["../../e", "/abs", "x?y", "a/b", "%2e%2e", "%2F", "a#b", "a\\b", "C:x", "nul\0", "a\r\nX-Injected: 1", "\ud800"]
IDS += ["x" * 300, "CON", ".cf-ai", " padded ", "é", "a;b=c", "a&status=x", "~", "-", "*", "a b+c"]


def test_p3_ids_are_one_segment_of_a_path_and_files_are_below_the_destination(destination: Path) -> None:
    items: dict[str, int | None] = {item_id.encode("utf-8", "replace").decode().strip(): 1 for item_id in IDS}
    with serve(made(items, {1: "one"})) as sandbox:
        kept = run(client_of(sandbox), destination, expected=sources_of(items))
        assert kept.counts() == (len(items), 0, 0, 0), kept.codes
        paths = [request.path for request in sandbox.requests if request.endpoint == "annotations"]
        assert sandbox.counts["unknown"] == 0
    prefix, suffix = "/api/v1/projects/sample-project/workItems/", "/annotations"
    segments = [path.removeprefix(prefix).removesuffix(suffix) for path in paths]
    assert len(set(segments)) == len(items)
    assert not any(set(segment) & set("/?#\\\r\n\0 ") for segment in segments)
    assert folders_of(kept.files) == ["one"]
    assert all(portable(part) for name in kept.files for part in name.split("/"))


@pytest.mark.parametrize("item_id", ["..", ".", " .. "])
def test_p3_ids_that_are_no_segment_are_refused_before_any_call_for_them(item_id: str, destination: Path) -> None:
    items: dict[str, int | None] = {item_id: 1, "good": 1}
    with serve(made(items, {1: "one"})) as sandbox:
        kept = run(client_of(sandbox), destination, expected=sources_of(items))
        assert kept.counts() == (1, 0, 1, 0)
        assert kept.codes == {"unsafe_name"}
        assert sandbox.counts["annotations"] == 1
    assert set(kept.files) == {"one/good.json"}


@pytest.fixture
def outside(tmp_path: Path) -> Path:
    """Make a folder of somebody else's, with files of the names that a run makes."""
    folder = tmp_path / "outside"
    folder.mkdir()
    for name in ("a.json", "journal.sqlite3", "journal.sqlite3-wal", ".cf-ai-0123456789abcdef.part"):
        (folder / name).write_bytes(b"somebody else's")
    return folder


@LINKS
@pytest.mark.parametrize("target", ["file", "nowhere", "folder", "itself"])
def test_p4_a_link_where_the_file_should_be_is_replaced(target: str, destination: Path, outside: Path) -> None:
    to = {"file": outside / "a.json", "nowhere": outside / "new", "folder": outside, "itself": Path("a.json")}[target]
    (destination / "one").mkdir(parents=True)
    (destination / "one" / "a.json").symlink_to(to)
    with serve(made({"a": 1}, {1: "one"})) as sandbox:
        kept = run(client_of(sandbox), destination, expected=sources_of({"a": 1}))
    assert kept.counts() == (1, 0, 0, 0)
    assert not (destination / "one" / "a.json").is_symlink()


@LINKS
@pytest.mark.parametrize("target", ["outside", "out/two", "nowhere", "."])
def test_p4_a_link_where_the_folder_should_be_costs_only_its_items(
    target: str, destination: Path, outside: Path
) -> None:
    (destination / "two").mkdir(parents=True)
    (destination / "one").symlink_to(destination.parent / target, target_is_directory=True)
    items: dict[str, int | None] = {"a": 1, "b": 2, "c": 1}
    with serve(made(items, {1: "one", 2: "two"})) as sandbox:
        kept = run(client_of(sandbox), destination, expected=sources_of(items), prune=True)
        assert kept.counts() == (1, 0, 2, 0)
        assert kept.codes == {"disk_error"}
        (destination / "one").unlink()
        again = run(client_of(sandbox), destination, expected=sources_of(items))
    assert again.counts() == (2, 1, 0, 0)
    assert all("symbolic link" in event.error or "no folder" in event.error for event in failures(kept.events))


def failures(events: list[Event]) -> list[ItemFailed]:
    return [event for event in events if isinstance(event, ItemFailed)]


@LINKS
@pytest.mark.parametrize("rerun", [False, True], ids=["first run", "rerun"])
def test_p4_a_folder_that_becomes_a_link_in_mid_run_is_not_followed(
    rerun: bool, destination: Path, outside: Path
) -> None:
    items: dict[str, int | None] = {f"i{number:02}": 1 for number in range(100)}
    swapped: list[str] = []

    def swap(event: Event) -> None:
        if isinstance(event, ItemStored) and not swapped:
            swapped.append(event.item_id)
            (destination / "one").rename(destination / "aside")
            (destination / "one").symlink_to(outside, target_is_directory=True)

    before = files_below(outside)
    with serve(made(items, {1: "one"})) as sandbox:
        if rerun:
            run(client_of(sandbox), destination)
        kept = watched(client_of(sandbox), destination, on_event=swap, max_workers=1, overwrite=True)
        check_tidy(destination)
        check_secrets(kept)
        assert files_below(outside) == before
        stored = {event.item_id for event in kept.events if isinstance(event, ItemStored)}
        known = sources_of(items)
        aside = {name: content for name, content in files_below(destination).items() if name.startswith("aside/")}
        assert all(is_whole(content, known[Path(name).stem]) for name, content in aside.items())
        assert {Path(name).stem for name in aside} >= stored
        assert len(failures(kept.events)) == 100 - len(stored) >= 36, "64 files are written at once at the most"
        (destination / "one").unlink()
        (destination / "aside").rename(destination / "one")
        assert run(client_of(sandbox), destination, expected=known).counts()[2:] == (0, 0)


@LINKS
@pytest.mark.parametrize("name", ["", "journal.sqlite3", "journal.sqlite3-wal", "journal.sqlite3-journal"])
@pytest.mark.parametrize("known", [False, True], ids=["first run", "rerun"])
def test_p4_a_link_where_the_journal_should_be_ends_the_run_before_anything_is_written(
    name: str, known: bool, destination: Path, outside: Path
) -> None:
    project, sources = made({"a": 1}, {1: "one"}), sources_of({"a": 1})
    with serve(project) as sandbox:
        if known:
            run(client_of(sandbox), destination, expected=sources)
        place = destination / ".cf-ai" / name if name else destination / ".cf-ai"
        if name:
            place.parent.mkdir(parents=True, exist_ok=True)
            place.unlink(missing_ok=True)
            target = a_database(outside / "journal.sqlite3") if name == "journal.sqlite3" else outside / name
        else:
            destination.mkdir(exist_ok=True)
            shutil.rmtree(place, ignore_errors=True)
            target = outside
            (outside / "journal.sqlite3").unlink()
        place.symlink_to(target, target_is_directory=not name)
        before = files_below(outside)
        with asked(sandbox) as seen:
            kept = watched(client_of(sandbox), destination)
        assert kept.code == "disk_error"
        assert "symbolic link" in str(kept.error)
        assert str(kept.error).count("cannot be written") == 1
        assert (files_below(outside), seen.storage) == (before, 0)
        place.unlink()
        assert run(client_of(sandbox), destination, expected=sources).counts()[2:] == (0, 0)
    assert files_below(outside) == before


def a_database(path: Path) -> Path:
    """Make a file that the checks after a run can open."""
    path.unlink()
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE theirs (a)")
    return path


@LINKS
def test_p4_the_journals_folder_that_becomes_a_link_in_mid_run_is_not_followed(
    destination: Path, outside: Path
) -> None:
    items: dict[str, int | None] = {f"i{number:03}": 1 for number in range(150)}
    known, before = sources_of(items), files_below(outside)
    swapped: list[str] = []

    def swap(event: Event) -> None:
        if isinstance(event, PageListed) and not swapped:
            swapped.append("")
            (destination / ".cf-ai").rename(destination / ".cf-ai-aside")
            (destination / ".cf-ai").symlink_to(outside, target_is_directory=True)

    with serve(made(items, {1: "one"})) as sandbox:
        watched(client_of(sandbox), destination, on_event=swap)
        assert swapped
        assert files_below(outside) == before
        (destination / ".cf-ai").unlink()
        shutil.rmtree(destination / ".cf-ai-aside")
        assert run(client_of(sandbox), destination, expected=known).counts() == (150, 0, 0, 0)


@LINKS
def test_p4_a_damaged_journal_is_not_set_aside_through_a_link(destination: Path, outside: Path) -> None:
    with serve(made({"a": 1}, {1: "one"})) as sandbox:
        run(client_of(sandbox), destination)
        journal_of(destination).write_bytes(b"garbage")
        (destination / ".cf-ai" / "damaged-journal.sqlite3").symlink_to(outside / "a.json")
        kept = run(client_of(sandbox), destination, expected=sources_of({"a": 1}))
    assert kept.counts() == (1, 0, 0, 0)
    assert (outside / "a.json").read_bytes() == b"somebody else's"


@LINKS
def test_p4_stale_parts_are_not_cleared_through_a_link(destination: Path, outside: Path) -> None:
    destination.mkdir()
    (destination / "linked").symlink_to(outside, target_is_directory=True)
    with serve(made({"a": 1}, {1: "one"})) as sandbox:
        kept = watched(client_of(sandbox), destination)
    assert kept.counts() == (1, 0, 0, 0)
    assert (outside / ".cf-ai-0123456789abcdef.part").read_bytes() == b"somebody else's"


@LINKS
def test_p4_the_destination_itself_may_be_a_link(tmp_path: Path) -> None:
    real, link = tmp_path / "elsewhere" / "real", tmp_path / "link"
    real.mkdir(parents=True)
    link.symlink_to(real, target_is_directory=True)
    sources = sources_of({"a": 1})
    with serve(made({"a": 1}, {1: "one"})) as sandbox:
        assert watched(client_of(sandbox), link).counts() == (1, 0, 0, 0)
        assert run(client_of(sandbox), real, expected=sources).counts() == (0, 1, 0, 0)


WAYS_OUT = {
    "two up": lambda victim, destination: f"../{victim.name}",
    "through a folder": lambda victim, destination: f"one/../../{victim.name}",
    "absolute": lambda victim, destination: str(victim),
    "the journal": lambda victim, destination: ".cf-ai/journal.sqlite3",
    "no folder": lambda victim, destination: "top.json",
    "deeper": lambda victim, destination: "one/deep/a.json",
    "windows": lambda victim, destination: f"..\\{victim.name}",
    "nothing": lambda victim, destination: "",
    "NUL": lambda victim, destination: "one/a\0.json",
    "a number": lambda victim, destination: 7,
}


@pytest.mark.parametrize("way", WAYS_OUT.values(), ids=WAYS_OUT)
@pytest.mark.parametrize("table", ["items", "stale items", "left_behind"])
@pytest.mark.parametrize(
    "more",
    [
        pytest.param({"prune": True}, id="prune"),
        pytest.param({"verify": True}, id="verify", marks=pytest.mark.slow),
        pytest.param({}, id="plain", marks=pytest.mark.slow),
    ],
)
def test_p4_a_journal_that_somebody_altered_leads_nowhere_else(
    way: Callable[[Path, Path], object], table: str, more: dict[str, bool], destination: Path
) -> None:
    both, sources = {"a": 1, "gone": 1}, sources_of({"a": 1, "gone": 1})
    with serve(made(both, {1: "one"})) as sandbox:
        run(client_of(sandbox), destination)
    victim = destination.parent / "victim.json"
    for path in (victim, destination / "top.json", destination / "one" / "deep" / "a.json"):
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(b"{}")
        os.utime(path, ns=(10**18, 10**18))
    bad = way(victim, destination)
    state = (2, 10**18, sha256(b"{}").digest())
    if table == "left_behind":
        rows(destination, "INSERT INTO left_behind VALUES (1, ?, ?, ?, ?, 1)", bad, *state)
    else:
        item = "a" if table == "items" else "gone"
        rows(
            destination,
            "UPDATE items SET path = ?, size = ?, mtime_ns = ?, sha256 = ? WHERE item = ?",
            *(bad, *state, item),
        )
    with serve(made({"a": 1}, {1: "one"})) as sandbox:
        kept = run(client_of(sandbox), destination, expected=sources, **more)
    assert kept.error is None
    assert kept.counts() == ((1, 0, 0, 0) if table == "items" else (0, 1, 0, 0))
    for path in (victim, destination / "top.json", destination / "one" / "deep" / "a.json"):
        assert path.read_bytes() == b"{}"
    assert journal_of(destination).exists()


def test_p4_an_altered_journal_pins_no_folder_outside(destination: Path) -> None:
    items: dict[str, int | None] = {"a": 1, "b": None, "c": 2}
    with serve(made({"a": 1}, {1: "one", 2: "two"})) as sandbox:
        run(client_of(sandbox), destination)
        for number, folder in enumerate(["../../x", "/abs", ".cf-ai"]):
            batch = ["1", "2", ""][number]
            rows(destination, "UPDATE folders SET folder = ? WHERE batch = ?", folder, batch)
    with serve(made(items, {1: "one", 2: "two"})) as sandbox:
        kept = run(client_of(sandbox), destination, expected=sources_of(items))
    assert set(kept.files) == {"one/a.json", "two/c.json", "Default/b.json"}


def test_p4_verify_of_an_altered_journal_reads_nothing_outside(destination: Path) -> None:
    with serve(made({"a": 1}, {1: "one"})) as sandbox:
        run(client_of(sandbox), destination)
    victim = destination.parent / "victim.json"
    victim.write_bytes(b"{}")
    rows(
        destination,
        "UPDATE items SET path = '../victim.json', size = 2, mtime_ns = ?, sha256 = ?",
        *(victim.stat().st_mtime_ns, sha256(b"{}").digest()),
    )
    (difference,) = Destination(destination).verify()
    assert difference.kind == "missing"
