from __future__ import annotations

import sys
from pathlib import Path

import pytest

from cf_ai_platform_client.datasets.documents import Document
from cf_ai_platform_client.datasets.image_places import ImagePlaces

NORTH = Document("North/plot.json", "North")


def touch(root: Path, *names: str) -> None:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).touch()


def found(root: Path, file_name: str, document: Document = NORTH, *, is_only_one: bool = True) -> str | None:
    path = ImagePlaces(str(root)).find(document, file_name, is_only_one=is_only_one)
    return None if path is None else Path(path).relative_to(root).as_posix()


PLACES = ["North/asset.png", "North/a.jpg", "North/plot.jpeg", "a.jpg", "images/a.jpg"]


@pytest.mark.parametrize("first", range(len(PLACES)))
def test_images_are_looked_for_in_this_order(first: int, tmp_path: Path) -> None:
    touch(tmp_path, *PLACES[first:], "other.json")
    document = Document("North/plot.json", "North", asset="North/asset.png")
    assert found(tmp_path, "a.jpg", document) == PLACES[first]


def test_what_is_not_there_is_not_found(tmp_path: Path) -> None:
    touch(tmp_path, "North/plot.json", "North/b.jpg", "South/a.jpg")
    (tmp_path / "North" / "a.jpg").mkdir()
    assert found(tmp_path, "a.jpg") is None


def test_assets_that_are_gone_are_counted(tmp_path: Path) -> None:
    places = ImagePlaces(str(tmp_path))
    document = Document("North/plot.json", "North", asset="North/asset.png")
    assert places.find(document, "a.jpg", is_only_one=True) is None
    assert places.missing_assets == 1


def test_the_stem_and_the_asset_are_of_documents_of_one_image(tmp_path: Path) -> None:
    touch(tmp_path, "North/plot.jpg", "North/asset.png")
    document = Document("North/plot.json", "North", asset="North/asset.png")
    assert found(tmp_path, "a.jpg", document, is_only_one=False) is None


@pytest.mark.parametrize(
    ("document", "file_name", "place"),
    [
        ("annotations/instances_train.json", "a.jpg", "images/train/a.jpg"),
        ("annotations/instances_val2017.json", "a.jpg", "val2017/a.jpg"),
        ("annotations/captions_val2017.json", "a.jpg", "val2017/a.jpg"),
        ("annotations/person_keypoints_val2017.json", "a.jpg", "images/val2017/a.jpg"),
        ("x/plot.json", "north%20field%2Fa.png", "x/north field/a.png"),
        ("x/plot.json", "100%25.png", "x/100%25.png"),
        ("x/plot.json", "north\\a.png", "x/north/a.png"),
        ("plot.json", "Südhang 樹/a.png", "Südhang 樹/a.png"),
        ("x/plot.json", "whatever", "x/plot.PNG"),
    ],
)
def test_names_lead_to_files(document: str, file_name: str, place: str, tmp_path: Path) -> None:
    touch(tmp_path, place)
    assert found(tmp_path, file_name, Document(document)) == place


@pytest.mark.parametrize(
    "name", ["../secret.png", "..\\secret.png", "%2e%2e/secret.png", "/secret.png", "C:/secret.png", "", "a\0b", "."]
)
def test_no_name_leads_out_of_the_folder(name: str, tmp_path: Path) -> None:
    touch(tmp_path, "secret.png", "root/x/y.json")
    root = tmp_path / "root"
    assert found(root, name, Document("x/y.json")) is None
    assert found(root, str(tmp_path / "secret.png"), Document("x/y.json")) is None


@pytest.mark.skipif(sys.platform == "win32", reason="links need rights there")
def test_links_are_followed_within_the_folder_only(tmp_path: Path) -> None:
    root = tmp_path / "root"
    touch(tmp_path, "secret.png", "elsewhere/a.jpg", "root/real/in.png")
    (root / "out.png").symlink_to(tmp_path / "secret.png")
    (root / "in.png").symlink_to(root / "real" / "in.png")
    (root / "folder").symlink_to(tmp_path / "elsewhere")
    (root / "gone.png").symlink_to(root / "nothing.png")
    document = Document("x.json")
    assert [found(root, name, document) for name in ("out.png", "folder/a.jpg", "gone.png", "in.png")] == [
        None,
        None,
        None,
        "in.png",
    ]


def test_a_hundred_folders_are_listed_and_few_remembered(tmp_path: Path) -> None:
    touch(tmp_path, *(f"{number}/a.jpg" for number in range(100)))
    places = ImagePlaces(str(tmp_path))
    paths = [places.find(Document(f"{number}/x.json"), "a.jpg", is_only_one=True) for number in range(100)]
    assert len({*paths}) == 100
    assert len(places._folders) <= 64
