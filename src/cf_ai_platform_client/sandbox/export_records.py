"""What the JSON and CSV of an export say of a project: annotations, inferences, asset metadata. No I/O."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

from .project import JSONObject, Selection, ServedProject

_BOX = ("x", "y", "width", "height")
_ITEM = ("workItemID", "batchId", "batchName", "assetUrl")

COLUMNS: Mapping[str, Sequence[str]] = {
    "ANNOTATION": (*_ITEM, "fileName", "annotationId", "category", *_BOX, "area", "iscrowd", "segmentation"),
    "INFERENCE": (*_ITEM, "fileName", "inferenceId", "model", "label", "confidence", *_BOX),
    "ASSET_METADATA": (*_ITEM, "assetType", "fileName", "imageWidth", "imageHeight", "createdAt", "updatedAt"),
}
"""The columns of the CSV of each content, in order."""


@dataclass(frozen=True)
class Work:
    """A work item with its batch's name and the bytes of its result, None where it has none."""

    item: JSONObject
    batch_name: str
    content: bytes | None

    def document(self) -> JSONObject:
        """Return the result, empty where it is no JSON object."""
        try:
            value: Any = json.loads(self.content or b"")
        except (ValueError, RecursionError):
            return {}
        return cast("JSONObject", value) if isinstance(value, dict) else {}


def work_items(project: ServedProject, selection: Selection) -> Iterator[Work]:
    """Return the work items that a selection takes, in their order."""
    names = {batch.get("id"): str(batch.get("name")) for batch in project.batches()}
    listing = project.select(selection)
    for position in range(len(listing)):
        item = listing[position]
        batch = item.get("batchId")
        yield Work(item, names.get(batch, "Default" if batch is None else str(batch)), _result(project, item))


def records(works: Iterable[Work], content: str, *, nested: bool) -> Iterator[JSONObject]:
    """Return the records of a content: flat ones, by its columns; annotations `nested` are one record a work item."""
    for work in works:
        document = work.document()
        if content == "ASSET_METADATA":
            yield _asset(work, document)
        elif content == "INFERENCE":
            yield from _inferences(work, document)
        elif nested:
            yield {**_head(work), "images": _objects(document, "images"), "annotations": _named(document)}
        else:
            yield from _annotations(work, document)


def _result(project: ServedProject, item: JSONObject) -> bytes | None:
    annotation = project.annotation(str(item.get("id")))
    metadata: Any = (annotation or {}).get("metadata")
    url: Any = cast("JSONObject", metadata).get("coco_results_url") if isinstance(metadata, dict) else None
    if not isinstance(url, str):
        return None
    document = project.document(url.partition(f"/spaces/{project.space_id}/")[2])
    return None if document is None else document.content


def _head(work: Work) -> JSONObject:
    values = (work.item.get("id"), work.item.get("batchId"), work.batch_name, work.item.get("assetUrl"))
    return dict(zip(_ITEM, values, strict=True))


def _annotations(work: Work, document: JSONObject) -> Iterator[JSONObject]:
    head, files = _head(work), _files(document)
    for annotation in _named(document):
        yield {
            **head,
            "fileName": files.get(str(annotation.get("image_id"))),
            "annotationId": annotation.get("id"),
            **{name: annotation.get(name) for name in ("category", "area", "iscrowd")},
            **_box(annotation),
            "segmentation": json.dumps(annotation["segmentation"]) if "segmentation" in annotation else None,
        }


def _inferences(work: Work, document: JSONObject) -> Iterator[JSONObject]:
    """Make up what a model might have said: the annotations, each with a confidence that is always the same."""
    head, files = _head(work), _files(document)
    for annotation in _named(document):
        inference_id = f"{head['workItemID']}-{annotation.get('id')}"
        yield {
            **head,
            "fileName": files.get(str(annotation.get("image_id"))),
            "inferenceId": inference_id,
            "model": "sandbox-model",
            "label": annotation["category"],
            "confidence": round(0.5 + hashlib.sha256(inference_id.encode("utf-8", "replace")).digest()[0] / 512, 3),
            **_box(annotation),
        }


def _asset(work: Work, document: JSONObject) -> JSONObject:
    image = next(iter(_objects(document, "images")), dict[str, Any]())
    return {
        **_head(work),
        "assetType": work.item.get("assetType"),
        "fileName": image.get("file_name"),
        "imageWidth": image.get("width"),
        "imageHeight": image.get("height"),
        "createdAt": work.item.get("createdAt"),
        "updatedAt": work.item.get("updatedAt"),
    }


def _named(document: JSONObject) -> list[dict[str, Any]]:
    """Return the annotations, each with its category's name."""
    names = {str(category.get("id")): category.get("name") for category in _objects(document, "categories")}
    annotations = _objects(document, "annotations")
    return [{**annotation, "category": names.get(str(annotation.get("category_id")))} for annotation in annotations]


def _files(document: JSONObject) -> dict[str, Any]:
    return {str(image.get("id")): image.get("file_name") for image in _objects(document, "images")}


def _box(annotation: JSONObject) -> JSONObject:
    numbers = _list(annotation, "bbox")
    return dict(zip(_BOX, numbers if len(numbers) == len(_BOX) else [None] * len(_BOX), strict=True))


def _objects(document: JSONObject, name: str) -> list[JSONObject]:
    return [value for value in _list(document, name) if isinstance(value, dict)]


def _list(values: JSONObject, name: str) -> list[Any]:
    return values[name] if isinstance(values.get(name), list) else []
