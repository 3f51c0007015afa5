from __future__ import annotations

import ntpath
import re
import unicodedata
from collections.abc import Sequence
from pathlib import PureWindowsPath

from hypothesis import given
from hypothesis import strategies as st

from cf_ai_platform_client.core.naming import (
    ASSET_KINDS,
    EXTENSIONS,
    FolderNames,
    asset_file_name,
    batch_key,
    clean_name,
    is_safe,
    item_file_name,
    name_folders,
    split_path,
)

SEPARATORS_AND_CONTROLS = re.compile(r'[\\/:*?"<>|\x00-\x1f\x7f-\x9f\ud800-\udfff]')
ANY_TEXT = st.text(st.characters(exclude_categories=()), max_size=40)
LONG = st.builds(lambda text, times: text * times, st.text(min_size=1, max_size=3), st.integers(60, 300))
TRICKY = st.sampled_from(
    [
        "a/b",
        "a:b",
        "A_b",
        "a_b",
        "a_b (2)",
        "a_b (2) 2",
        "é",
        "e\u0301",
        "É",
        "ﬁ",
        "fi",
        "ß",
        "SS",
        "CON",
        "aux.c",
        "..",
        ".",
        "",
        " ",
        "Default",
        "default",
        "DEFAULT (no batch)",
        "3",
        "7",
        "7 (7)",
        ".cf-ai",
        "x.",
        "x ",
        "\ud800",
    ]
)
NAMES = TRICKY | ANY_TEXT | LONG
BATCH_IDS = st.integers(1, 12) | st.integers()
BATCHES = st.dictionaries(BATCH_IDS, NAMES, max_size=12)
KEYS = (BATCH_IDS | st.none()).map(batch_key)
PINS = st.lists(st.tuples(KEYS, NAMES), max_size=6, unique_by=(lambda pin: pin[0], lambda pin: key(pin[1]))).map(dict)


def key(name: str) -> str:
    """What macOS, Windows and Linux together may take for the same name."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", name).casefold())


def is_reserved(name: str) -> bool:
    if hasattr(ntpath, "isreserved"):
        return bool(ntpath.isreserved(name))
    return PureWindowsPath(name).is_reserved()


def assert_safe(name: str) -> None:
    assert 0 < len(name.encode()) <= 255
    assert name not in {".", ".."}
    assert key(name) != ".cf-ai"
    assert not SEPARATORS_AND_CONTROLS.search(name)
    assert name[-1] not in ". "
    assert not is_reserved(name)


def all_folders(names: FolderNames, batch_ids: Sequence[int]) -> list[str]:
    return [names.no_batch, *(names.folder(batch_id) for batch_id in {*names.by_batch, *batch_ids})]


@given(NAMES)
def test_any_text_becomes_a_safe_name(name: str) -> None:
    safe = clean_name(name)
    assert_safe(safe)
    assert clean_name(safe) == safe


@given(st.from_regex(r"[A-Za-z0-9][A-Za-z0-9 _.-]{0,40}[A-Za-z0-9]", fullmatch=True))
def test_a_usual_name_stays_as_it_is(name: str) -> None:
    assert clean_name(name) in {name, f"_{name}"}


@given(BATCHES, st.lists(BATCH_IDS, max_size=5))
def test_no_two_batches_share_a_folder_whether_listed_or_not(batches: dict[int, str], others: list[int]) -> None:
    used = all_folders(name_folders(batches.items()), others)
    for name in used:
        assert_safe(name)
    assert len({key(name) for name in used}) == len(used)


@given(st.lists(st.tuples(st.integers(1, 4), NAMES), max_size=12))
def test_every_listed_batch_has_a_folder(batches: list[tuple[int, str]]) -> None:
    assert set(name_folders(batches).by_batch) == {batch_id for batch_id, _ in batches}


@given(BATCHES, st.data())
def test_folders_do_not_depend_on_the_listing_order(batches: dict[int, str], data: st.DataObject) -> None:
    listed = data.draw(st.permutations(list(batches.items())))
    assert name_folders(listed) == name_folders(batches.items())


@given(BATCHES)
def test_the_lowest_of_equal_names_keeps_the_published_one(batches: dict[int, str]) -> None:
    folders = name_folders(batches.items()).by_batch
    for batch_id, name in batches.items():
        rivals = [other for other in batches if key(clean_name(batches[other])) == key(clean_name(name))]
        assert (folders[batch_id] == clean_name(name)) == (batch_id == min(rivals))


ASSET_NAMES = st.builds(lambda name, end: name + end, NAMES, st.sampled_from(["", ".asset", ".jpg", ".asset.jpg"]))


@given(
    st.lists(
        st.tuples(ASSET_NAMES, st.sampled_from(sorted(EXTENSIONS)), st.sampled_from([*sorted(ASSET_KINDS), ".bin"])),
        unique_by=lambda item: item[0],
        max_size=8,
    )
)
def test_no_asset_has_the_name_of_a_document_or_of_another_asset(items: list[tuple[str, str, str]]) -> None:
    names = [item_file_name(item_id, document) for item_id, document, _ in items]
    names += [asset_file_name(item_id, asset, document) for item_id, document, asset in items]
    assert len({unicodedata.normalize("NFC", name).casefold() for name in names}) == 2 * len(items)
    assert all(is_safe(name) for name in names)


@given(st.lists(st.tuples(NAMES, st.sampled_from(sorted(EXTENSIONS))), unique_by=lambda item: item[0], max_size=8))
def test_no_two_items_share_a_file(items: list[tuple[str, str]]) -> None:
    names = [item_file_name(item_id, extension) for item_id, extension in items]
    for name, (_, extension) in zip(names, items, strict=True):
        assert_safe(name)
        assert name.endswith(extension)
    assert len({key(name) for name in names}) == len(names)


@given(NAMES, st.sampled_from(sorted(EXTENSIONS)), BATCHES, PINS, BATCH_IDS | st.none())
def test_every_path_that_is_made_is_taken_apart_again(
    item_id: str, extension: str, batches: dict[int, str], pinned: dict[str, str], batch_id: int | None
) -> None:
    folder, name = name_folders(batches.items(), pinned).folder(batch_id), item_file_name(item_id, extension)
    assert split_path(f"{folder}/{name}") == (folder, name)


@given(NAMES | st.text(st.sampled_from("./\\: a\0é"), max_size=12))
def test_what_is_safe_is_one_component_below_its_folder(path: str) -> None:
    if is_safe(path):
        assert_safe(path)
    parts = split_path(path)
    if parts is not None:
        assert path == "/".join(parts)
        for part in parts:
            assert_safe(part)


@given(BATCHES, PINS, st.lists(BATCH_IDS, max_size=5))
def test_pinned_folders_stay_and_no_two_batches_share_one(
    batches: dict[int, str], pinned: dict[str, str], others: list[int]
) -> None:
    names = name_folders(batches.items(), pinned)
    batch_ids: list[int | None] = [None, *{*batches, *others}]
    used = {batch_key(batch_id): names.folder(batch_id) for batch_id in batch_ids}
    kept = {batch: name for batch, name in pinned.items() if is_safe(name)}
    assert {batch: name for batch, name in used.items() if batch in kept}.items() <= kept.items()
    everything = kept | used
    for name in everything.values():
        assert_safe(name)
    assert len({key(name) for name in everything.values()}) == len(everything)


@given(BATCHES, PINS, st.data())
def test_with_pins_too_folders_do_not_depend_on_the_listing_order(
    batches: dict[int, str], pinned: dict[str, str], data: st.DataObject
) -> None:
    listed = data.draw(st.permutations(list(batches.items())))
    pins = dict(data.draw(st.permutations(list(pinned.items()))))
    assert name_folders(listed, pins) == name_folders(batches.items(), pinned)


@given(st.lists(BATCHES, min_size=2, max_size=4))
def test_over_many_runs_no_batch_changes_its_folder(runs: list[dict[int, str]]) -> None:
    pinned: dict[str, str] = {}
    for batches in runs:
        names = name_folders(batches.items(), pinned)
        now = {batch_key(batch_id): names.folder(batch_id) for batch_id in [None, *batches]}
        assert {batch: folder for batch, folder in now.items() if batch in pinned}.items() <= pinned.items()
        pinned |= now
    assert len({key(folder) for folder in pinned.values()}) == len(pinned)
