"""A COCO document to records: what can be repaired without guessing is, the rest is left out, and all of it is told."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

import msgspec

from .findings import Finding
from .records import Annotation, Category, Image


@dataclass
class Reading:
    """What a document holds. `annotations_in` and `images_in` count what was there, also what was left out."""

    images: list[Image] = field(default_factory=list[Image])
    categories: dict[int | str, Category] = field(default_factory=dict[int | str, Category])
    annotations: list[Annotation] = field(default_factory=list[Annotation])
    findings: list[Finding] = field(default_factory=list[Finding])
    images_in: int = 0
    annotations_in: int = 0
    info: dict[str, Any] = field(default_factory=dict[str, Any])
    licenses: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])


def read_document(content: bytes, document: str) -> Reading:
    """Read a document; `document` names it in findings."""
    try:
        data: Any = msgspec.json.decode(content)
    except msgspec.DecodeError:
        data = json.loads(content)
    found = Reading(images_in=len(data["images"]), annotations_in=len(data["annotations"]))
    found.categories = {
        entry["id"]: Category(number, entry["name"], entry.get("supercategory", ""))
        for number, entry in enumerate(data["categories"], 1)
    }
    found.images = [Image(entry["id"], entry["file_name"], entry["width"], entry["height"]) for entry in data["images"]]
    for entry in data["annotations"]:
        left, top, width, height = entry["bbox"]
        category = found.categories[entry["category_id"]]
        found.annotations.append(
            Annotation(
                entry["id"],
                entry["image_id"],
                entry["category_id"],
                category,
                (left, top, width, height),
                entry["area"],
                bool(entry["iscrowd"]),
                tuple(map(tuple, entry["segmentation"])) if isinstance(entry["segmentation"], list) else None,
            )
        )
    return found
