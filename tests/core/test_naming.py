from __future__ import annotations

import unicodedata

import pytest

from cf_ai_platform_client.core.naming import (
    ASSET_KINDS,
    asset_extension,
    asset_file_name,
    batch_key,
    clean_name,
    extension_of,
    is_safe,
    item_file_name,
    name_folders,
    split_path,
)


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
        ("a" * 206 + "\u00a0b", "a" * 206),
        ("a. .", "a"),
        ("LPT¹.x", "_LPT¹.x"),
        ("conin$", "_conin$"),
        (".CF-AI", "_.CF-AI"),
        ("\x7f\u2028\x9f", "___"),
    ],
    ids=ascii,
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


@pytest.mark.parametrize(
    ("listed", "folder"),
    [
        ([], "12"),
        ([(1, "12")], "12 (12)"),
        ([(1, "12"), (2, "12 (12)")], "12 (12) 2"),
        ([(12, "12")], "12"),
        ([(12, "plots"), (13, "12")], "plots"),
    ],
)
def test_a_batch_that_was_not_listed_is_named_by_its_id(listed: list[tuple[int, str]], folder: str) -> None:
    assert name_folders(listed).folder(12) == folder


@pytest.mark.parametrize("batch_id", [10**300, -(10**300), 10**5000], ids=["long", "negative", "longer"])
def test_ids_beyond_64_bits_do_not_make_a_name_too_long(batch_id: int) -> None:
    folders = name_folders([(1, "a" * 300), (batch_id, "a" * 300)])
    assert len(folders.by_batch[batch_id]) < 255
    assert len(name_folders([]).folder(batch_id)) == 16
    assert name_folders([]).folder(batch_id) != name_folders([]).folder(batch_id + 1)


@pytest.mark.parametrize("batch_id", [2**63 - 1, -(2**63)])
def test_ids_of_64_bits_are_written_out(batch_id: int) -> None:
    assert name_folders([]).folder(batch_id) == str(batch_id)


def test_items_without_a_batch_go_to_default() -> None:
    assert name_folders([]).folder(None) == "Default"
    assert name_folders([(1, "default")]).folder(None) == "Default (no batch)"


def test_the_first_of_two_batches_with_one_id_counts() -> None:
    assert name_folders([(1, "a"), (1, "b")]).folder(1) == "a"


@pytest.mark.parametrize(
    "item_id", ["0520a8e8-6160-5229-842a-5eeff9033a39", "0520A8E8-6160-5229-842A-5EEFF9033A39", "plain", "a_1.b-2"]
)
def test_usual_items_have_the_published_name(item_id: str) -> None:
    assert item_file_name(item_id, ".json") == f"{item_id}.json"


@pytest.mark.parametrize(
    "item_ids",
    [
        pytest.param(["x?y", "x:y", "x_y", "../x_y", " x_y", "x_y."], id="cleaned"),
        pytest.param(["a", "A"], id="case"),
        pytest.param(["é", "e\u0301", "É"], id="composition"),
        pytest.param(["a" * 300, "a" * 301], id="long"),
        pytest.param(["x?y", item_file_name("x?y", "")], id="one that looks like a digest"),
        pytest.param(["x.asset", "X.asset", "x.ASSET"], id="as assets are called"),
    ],
)
def test_items_that_some_system_takes_for_equal_do_not_share_a_file(item_ids: list[str]) -> None:
    names = [item_file_name(item_id, ".json") for item_id in item_ids]
    assert len({unicodedata.normalize("NFC", name).casefold() for name in names}) == len(item_ids)
    assert all("/" not in name and name.endswith(".json") for name in names)


@pytest.mark.parametrize(
    ("url", "extension"),
    [
        ("https://s/a.json?x=1", ".json"),
        ("https://s/a.geojson", ".geojson"),
        ("https://s/a.exe", ".json"),
        ("https://s/a.JSON", ".json"),
        ("https://s/a", ".json"),
        ("https://s/.json", ".json"),
        ("https://s/a.tar.zip", ".zip"),
        ("https://s/a.csv/", ".csv"),
        ("https://s/a?x=b.csv", ".json"),
        ("https://s/a%2Ecsv", ".csv"),
        ("https://s/a.json%2F..%2Fx.sh", ".json"),
    ],
)
def test_extensions_come_from_a_list(url: str, extension: str) -> None:
    assert extension_of(url) == extension


@pytest.mark.parametrize(
    ("url", "extension"),
    [
        ("assets/a.jpg", ".jpg"),
        ("assets/a.JPEG", ".jpeg"),
        ("https://s/a%20b.Tiff?x=a.png#y.gif", ".tiff"),
        ("clouds/room.laz", ".laz"),
        ("assets/a.json", ""),
        ("assets/a.exe", ""),
        ("assets/.jpg", ""),
        ("assets/a", ""),
        ("", ""),
    ],
)
def test_extensions_of_assets_come_from_another_list(url: str, extension: str) -> None:
    assert asset_extension(url) == extension


@pytest.mark.parametrize("beside", ["", ".json", ".png"])
def test_an_asset_is_called_as_its_item_unless_the_document_is(beside: str) -> None:
    names = [asset_file_name("a", extension, beside) for extension in (".jpg", ".png")]
    assert names == ["a.jpg", "a.asset.png" if beside == ".png" else "a.png"]


def test_no_asset_is_taken_for_a_document() -> None:
    assert ".json" not in ASSET_KINDS
    assert all(is_safe(f"a{extension}") and extension == extension.lower() for extension in ASSET_KINDS)


@pytest.mark.parametrize(
    ("batches", "pinned", "folders"),
    [
        pytest.param([(1, "new name")], {"1": "plots"}, {1: "plots"}, id="a renamed batch stays"),
        pytest.param([(1, "plots"), (2, "plots")], {"2": "plots"}, {1: "plots (1)", 2: "plots"}, id="a new lower id"),
        pytest.param([(1, "PLOTS")], {"2": "plots"}, {1: "PLOTS (1)"}, id="the pin of a batch that was not listed"),
        pytest.param([(3, "a (3)"), (1, "a")], {"2": "A"}, {1: "a (1)", 3: "a (3)"}, id="suffixes keep clear of pins"),
        pytest.param([(1, "a"), (3, "b")], {"2": "a", "4": "a (1)"}, {1: "a (1) 2", 3: "b"}, id="a suffix is pinned"),
        pytest.param([(1, "plots")], {"1": "../out"}, {1: "plots"}, id="a pin that is no name"),
        pytest.param([(1, "plots")], {"1": ""}, {1: "plots"}, id="an empty pin"),
    ],
)
def test_pinned_folders_stay(batches: list[tuple[int, str]], pinned: dict[str, str], folders: dict[int, str]) -> None:
    assert name_folders(batches, pinned).by_batch == folders


@pytest.mark.parametrize(
    ("batches", "pinned", "folder"),
    [
        ([], {"": "Default (no batch)"}, "Default (no batch)"),
        ([(1, "Default")], {"": "Default"}, "Default"),
        ([], {"1": "DEFAULT"}, "Default (no batch)"),
        ([], {"": "a/b"}, "Default"),
    ],
)
def test_the_folder_of_no_batch_is_pinned_too(
    batches: list[tuple[int, str]], pinned: dict[str, str], folder: str
) -> None:
    assert name_folders(batches, pinned).folder(None) == folder


@pytest.mark.parametrize(
    ("pinned", "folder"),
    [({"12": "plots"}, "plots"), ({"13": "12"}, "12 (12)"), ({"12": "a/b"}, "12"), ({"12": "12"}, "12")],
)
def test_a_batch_that_is_not_listed_any_more_keeps_its_folder(pinned: dict[str, str], folder: str) -> None:
    assert name_folders([(1, "other")], pinned).folder(12) == folder


@pytest.mark.parametrize(
    ("batch_id", "key"), [(None, ""), (0, "0"), (12, "12"), (-1, "-1"), (2**63, "9223372036854775808")]
)
def test_batches_have_keys(batch_id: int | None, key: str) -> None:
    assert batch_key(batch_id) == key


def test_the_key_of_a_long_id_is_short() -> None:
    assert len(batch_key(10**5000)) == 16
    assert batch_key(10**5000) != batch_key(10**5000 + 1)


@pytest.mark.parametrize(
    ("name", "safe"),
    [
        ("plots (7)", True),
        (" plots", True),
        (".hidden", True),
        ("console", True),
        ("x" * 255, True),
        ("x" * 256, False),
        ("é" * 128, False),
        ("", False),
        (".", False),
        ("..", False),
        ("a/b", False),
        ("a\\b", False),
        ("C:", False),
        ("a\0", False),
        ("\ud800", False),
        ("x.", False),
        ("x ", False),
        ("CON", False),
        ("nul.txt", False),
        (".cf-ai", False),
        (".CF-AI", False),
        ("right\u202eleft", False),
    ],
    ids=lambda value: ascii(value)[:30],
)
def test_which_names_are_safe_to_open(name: str, safe: bool) -> None:
    assert is_safe(name) is safe


@pytest.mark.parametrize(
    ("path", "parts"),
    [
        ("plots/a.json", ("plots", "a.json")),
        ("plots", None),
        ("plots/", None),
        ("/a.json", None),
        ("", None),
        ("plots/../a.json", None),
        ("../a.json", None),
        ("plots/below/a.json", None),
        (".cf-ai/journal.sqlite3", None),
        ("plots/a.json\n", None),
    ],
    ids=ascii,
)
def test_paths_are_a_folder_and_a_file(path: str, parts: tuple[str, str] | None) -> None:
    assert split_path(path) == parts
