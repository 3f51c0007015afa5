from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cf_ai_platform_client import datasets

from ..datasets.hostile import document, image

UUIDS = [f"0cd2f2ea-7304-52c4-9894-72007dc3ce6{digit}" for digit in "ab"]
PATHS = st.builds("/".join, st.lists(st.sampled_from(["a", "b", *UUIDS]), min_size=1, max_size=3))
IMAGES = st.lists(
    st.fixed_dictionaries(
        {"file_name": st.sampled_from(["a.jpg", "b.jpg", "a/b.jpg", "a.jpg#2"])},
        optional={
            "work_item_id": st.sampled_from(["a", "b", "a/b", UUIDS[0]]),
            "sample_key": st.sampled_from(["k", "a/a.jpg", "", 7]),
        },
    ),
    max_size=4,
)
FOLDERS = st.dictionaries(PATHS, IMAGES, max_size=5)


def lay(root: Path, folder: dict[str, list[dict[str, Any]]]) -> datasets.Dataset:
    root.mkdir(exist_ok=True)
    for path, images in folder.items():
        file = root / f"{path}.json"
        file.parent.mkdir(parents=True, exist_ok=True)
        rows = [image(number, **each) for number, each in enumerate(images, 1)]
        file.write_text(json.dumps(document(images=rows)))
    return datasets.open(root)


def keys(dataset: datasets.Dataset) -> dict[tuple[str, object], str]:
    return {(sample.document, sample.image.id): sample.key for sample in dataset.samples()}


@given(FOLDERS, FOLDERS)
def test_other_documents_change_no_key_and_move_no_image(
    tmp_path_factory: pytest.TempPathFactory, folder: dict[str, Any], more: dict[str, Any]
) -> None:
    root = tmp_path_factory.mktemp("keys")
    dataset = lay(root, folder)
    before, split = keys(dataset), dataset.split(0.4, 0.3, 0.3, stratify=False)
    added = lay(root, {path: images for path, images in more.items() if path not in folder})
    assert keys(added).items() >= before.items()
    assert added.split(0.4, 0.3, 0.3, stratify=False).by_image.items() >= split.by_image.items()


@given(FOLDERS)
def test_merging_changes_no_key_and_moves_no_image(
    tmp_path_factory: pytest.TempPathFactory, folder: dict[str, Any]
) -> None:
    root = tmp_path_factory.mktemp("keys")
    dataset = lay(root / "in", folder)
    dataset.merge(root / "out")
    merged = datasets.open(root / "out")
    assert sorted(keys(merged).values()) == sorted(keys(dataset).values())
    assert merged.split().by_image == dataset.split().by_image
