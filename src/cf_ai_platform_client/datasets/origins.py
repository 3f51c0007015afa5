"""Where images and annotations were before a merge of ours, and members of documents that are named as ours."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeGuard

from .documents import Document
from .records import Annotation, Image, Sample, SourceId


def origin_of_image(document: Document, image: Image) -> tuple[SourceId, str] | None:
    """Return the id and the document that an image had before it was merged; None where no merge of ours wrote it.

    A merge writes `work_item_id`, `source_id` and `source_file` together. What a journal names no merge wrote.
    """
    extra = image.extra
    if document.work_item_id is not None or "source_file" not in extra:
        return None
    item, batch = extra.get("work_item_id"), extra.get("batch", "")
    source, file = extra.get("source_id"), extra["source_file"]
    if isinstance(item, str) and item and isinstance(batch, str) and isinstance(file, str) and _is_id(source):
        return source, file
    return None


def source_of(sample: Sample) -> tuple[SourceId, str]:
    """Return the id that an image had at first and the document that it was in, also where it was merged before."""
    return sample.origin or (sample.image.id, sample.document)


def source_id_of(annotation: Annotation, sample: Sample) -> SourceId:
    """Return the id that an annotation had at first, also where it was merged before."""
    found = annotation.extra.get("source_id") if annotation.extra and sample.origin else None
    return found if _is_id(found) else annotation.id


def rest_of_image(sample: Sample) -> Mapping[str, Any]:
    """Return what is written of an image's `extra` beside where it comes from."""
    source, document = source_of(sample)
    ours = {"source_id": source, "source_file": document}
    return _beside(sample.image.extra, {**ours, "work_item_id": sample.work_item_id, "batch": sample.batch})


def rest_of_annotation(annotation: Annotation, sample: Sample) -> Mapping[str, Any]:
    """Return what is written of an annotation's `extra` beside where it comes from."""
    source = source_id_of(annotation, sample)
    return _beside(annotation.extra, {"source_id": source, "work_item_id": sample.work_item_id, "batch": sample.batch})


def _beside(extra: Mapping[str, Any], ours: Mapping[str, Any]) -> Mapping[str, Any]:
    """Leave out members that say the same as ours, and call those that say something else `original_…`."""
    if extra.keys().isdisjoint(ours):
        return extra
    found: dict[str, Any] = {}
    for name, value in extra.items():
        if name not in ours:
            found[name] = value
        elif type(value) is not type(ours[name]) or value != ours[name]:
            found[_free(name, extra)] = value
    return found


def _free(name: str, taken: Mapping[str, Any]) -> str:
    while name in taken:
        name = f"original_{name}"
    return name


def _is_id(value: object) -> TypeGuard[SourceId]:
    return type(value) in (int, str)
