from __future__ import annotations

import pytest

from cf_ai_platform_client.core.naming import clean_name, extension_of, item_file_name, name_folders


@pytest.mark.parametrize(
    ("name", "safe"),
    [
        ("North plot 7", "North plot 7"),
        ("  trimmed ", "trimmed"),
        ('a/b\\c:d*e?f"g<h>i|j', "a_b_c_d_e_f_g_h_i_j"),
        ("..", "_"),
        (".", "_"),
        ("", "_"),
        ("nul\0", "nul_"),
        ("line\nbreak", "line_break"),
        ("CON", "_CON"),
        ("nul.txt", "_nul.txt"),
        ("com1", "_com1"),
        ("CON .x", "_CON .x"),
        ("console", "console"),
        ("dots...", "dots"),
        (".cf-ai", "_.cf-ai"),
        ("\ud800", "_"),
        ("é", "é"),
        ("right\u202eleft", "right_left"),
    ],
)
def test_names_are_made_safe(name: str, safe: str) -> None:
    assert clean_name(name) == safe


def test_long_names_are_cut_between_characters() -> None:
    safe = clean_name("é" * 300)
    assert len(safe.encode()) <= 255
    assert set(safe) == {"é"}


def test_the_lowest_id_keeps_the_published_name() -> None:
    folders = name_folders([(9, "a:b"), (3, "a/b"), (5, "A_b"), (7, "other")])
    assert folders.by_batch == {3: "a_b", 5: "A_b (5)", 7: "other", 9: "a_b (9)"}


def test_composed_and_decomposed_names_get_folders_of_their_own() -> None:
    folders = name_folders([(1, "é"), (2, "e\u0301")])
    assert folders.by_batch == {1: "é", 2: "e\u0301 (2)"}


def test_a_suffix_that_is_taken_is_passed_over() -> None:
    folders = name_folders([(1, "a"), (2, "A"), (3, "a (2)")])
    assert len({name.casefold() for name in folders.by_batch.values()}) == 3
    assert folders.by_batch[3] == "a (2)"


def test_a_batch_that_was_not_listed_is_named_by_its_id() -> None:
    assert name_folders([]).folder(12) == "12"
    assert name_folders([(1, "12")]).folder(12) == "12 (12)"


def test_items_without_a_batch_go_to_default() -> None:
    assert name_folders([]).folder(None) == "Default"
    assert name_folders([(1, "default")]).folder(None) == "Default (no batch)"


def test_the_first_of_two_batches_with_one_id_counts() -> None:
    assert name_folders([(1, "a"), (1, "b")]).folder(1) == "a"


@pytest.mark.parametrize("item_id", ["0520a8e8-6160-5229-842a-5eeff9033a39", "plain"])
def test_usual_items_have_the_published_name(item_id: str) -> None:
    assert item_file_name(item_id, ".json") == f"{item_id}.json"


def test_items_that_had_to_be_cleaned_do_not_share_a_file() -> None:
    names = {item_file_name(item_id, ".json") for item_id in ("x?y", "x:y", "x_y", "../x_y", " x_y")}
    assert len(names) == 5
    assert all("/" not in name for name in names)


@pytest.mark.parametrize(
    ("url", "extension"),
    [
        ("https://s/a.json?x=1", ".json"),
        ("https://s/a.geojson", ".geojson"),
        ("https://s/a.exe", ".json"),
        ("https://s/a.JSON", ".json"),
        ("https://s/a", ".json"),
        ("https://s/a%2Ecsv", ".csv"),
        ("https://s/a.json%2F..%2Fx.sh", ".json"),
    ],
)
def test_extensions_come_from_a_list(url: str, extension: str) -> None:
    assert extension_of(url) == extension
