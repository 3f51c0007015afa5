from __future__ import annotations

import unicodedata

from hypothesis import given
from hypothesis import strategies as st

from cf_ai_platform_client.core.naming import clean_name, item_file_name, name_folders

ANY_TEXT = st.text(st.characters(exclude_categories=()), max_size=300)
TRICKY = st.sampled_from(
    ["a/b", "a:b", "A_b", "a_b (2)", "é", "e\u0301", "CON", "..", "", "Default", "default (no batch)"]
)
BATCHES = st.lists(st.tuples(st.integers(1, 40), ANY_TEXT | TRICKY), max_size=12)


def key(name: str) -> str:
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", name).casefold())


def assert_safe(name: str) -> None:
    assert 0 < len(name.encode()) <= 255
    assert name not in {".", ".."}
    assert not set(name) & set('\\/:*?"<>|')
    assert not any(unicodedata.category(character) in {"Cc", "Cs"} for character in name)
    assert name[-1] not in ". "
    assert name.split(".")[0].rstrip().upper() not in {"CON", "PRN", "AUX", "NUL", "COM1", "LPT9"}


@given(ANY_TEXT)
def test_any_text_becomes_a_safe_name(name: str) -> None:
    assert_safe(clean_name(name))


@given(ANY_TEXT)
def test_cleaning_twice_changes_nothing(name: str) -> None:
    assert clean_name(clean_name(name)) == clean_name(name)


@given(BATCHES, st.integers(1, 60))
def test_no_two_batches_share_a_folder(batches: list[tuple[int, str]], other: int) -> None:
    folders = name_folders(batches)
    used = [*folders.by_batch.values(), folders.no_batch]
    if other not in folders.by_batch:
        used.append(folders.folder(other))
    for name in used:
        assert_safe(name)
    assert len({key(name) for name in used}) == len(used)


@given(st.dictionaries(st.integers(1, 40), ANY_TEXT | TRICKY, max_size=12), st.randoms())
def test_folders_do_not_depend_on_the_listing_order(batches: dict[int, str], source: object) -> None:
    listed = list(batches.items())
    source.shuffle(listed)  # type: ignore[attr-defined]
    assert name_folders(listed) == name_folders(batches.items())


@given(st.lists(ANY_TEXT, unique=True, max_size=8))
def test_no_two_items_share_a_file(item_ids: list[str]) -> None:
    names = [item_file_name(item_id, ".json") for item_id in item_ids]
    assert len(set(names)) == len(names)
    for name in names:
        assert_safe(name)
