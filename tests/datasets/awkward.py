"""A small dataset whose names are hard on readers of tables, with every kind of value that a table can hold."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from .hostile import rle

NAMES = ["NA", "1e5", "null", "Straße, 樹 😀", 'say "a\nb"', "007", "a  b", "true", "=1+1", "a\tb\rc"]
SQUARE = [6.0, 8.0, 16.0, 8.0, 16.0, 18.0, 6.0, 18.0]
RLE = rle()
POINTS = [11.0, 9.0, 2, 9.0, 10.0, 1, 0, 0, 0]


def lay_awkward(folder: Path) -> Path:
    """Write a document a name, in a batch and with categories of that name; return the folder."""
    for number, name in enumerate(NAMES, 1):
        batch = folder / f"batch {number:02}"
        batch.mkdir(parents=True)
        (batch / f"item-{number}.json").write_text(json.dumps(document(name, number)), encoding="ascii")
    return folder


def document(name: str, number: int) -> dict[str, Any]:
    """Return a document of two images, the second without annotations."""
    category = {"id": 3, "name": name, "supercategory": name, "keypoints": ["a", "b", name], "skeleton": [[1, 2]]}
    whole = {"id": 1, "image_id": 1, "category_id": 3, "bbox": [6.0, 8.0, 10.0, 10.0], "area": 100.0, "iscrowd": 0}
    return {
        "images": [
            {"id": 1, "file_name": f"{number} {name}.png", "width": 64, "height": 48, "taken_by": name},
            {"id": 2, "file_name": f"{number} empty.png", "width": 64, "height": 48},
        ],
        "categories": [category],
        "annotations": [
            {**whole, "segmentation": [SQUARE], "keypoints": POINTS, "num_keypoints": 2},
            {**whole, "id": 2, "segmentation": RLE, "iscrowd": 1, "note": name},
            {**whole, "id": 3, "bbox": [0.1, 1 / 3, 1e-7, 12345.678], "area": 5.5},
        ],
    }
