"""Small COCO documents in folders."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from .hostile import category, document, image, thing


def write(path: Path, *things: Any, **members: Any) -> Path:
    """Write a document with these annotations."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(document(*things, **members)), encoding="utf-8")
    return path


def two_batches(root: Path) -> Path:
    """Write trees and cars in two batches, and an image without annotations."""
    cars = [category(5, "car", "vehicle")]
    small, crowd = {"bbox": [1, 1, 5, 5], "area": 25.0}, {"iscrowd": 1}
    write(root / "North" / "a.json", thing(1), thing(2, **small), images=[image(1, "a.jpg")])
    write(root / "North" / "b.json", images=[image(1, "b.jpg")])
    write(
        root / "South" / "c.json",
        thing(1, category_id=5),
        thing(2, category_id=5, image_id=2, **crowd),
        images=[image(1, "c.jpg"), image(2, "d.jpg")],
        categories=cars,
    )
    return root
