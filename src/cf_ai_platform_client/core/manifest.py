"""From the JSON of a page to its items: one bad item must not cost the others."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar, cast

from pydantic import BaseModel, ValidationError

from ..errors import ItemError, ResponseError
from ..models import Annotation, Batch, KeysetPaginationMeta, SignedURLObject, WorkItem
from .redaction import printable

_TOO_MANY = 1 << 63
_Model = TypeVar("_Model", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class ManifestPage:
    """One page of the manifest; an entry without an id is an error in its place."""

    items: list[WorkItem | ItemError]
    total: int | None
    meta: KeysetPaginationMeta | None


@dataclass(frozen=True, slots=True)
class BatchesPage:
    """One page of batches."""

    items: list[Batch]
    meta: KeysetPaginationMeta | None


def read_manifest_page(data: Any) -> ManifestPage:
    """Read a page of work items; a bare list is the only page of an old server."""
    if isinstance(data, list):
        return ManifestPage([_read_item(entry) for entry in _entries(data)], None, None)
    body = as_object(data, "work items")
    total = body.get("total")
    items = [_read_item(entry) for entry in listed(body, "work items")]
    return ManifestPage(items, total if _is_count(total) else None, read_meta(body.get("meta"), "work items"))


def read_batches_page(data: Any) -> BatchesPage:
    """Read a page of batches; an entry without an id cannot name a folder and is left out."""
    body = as_object({"items": data} if isinstance(data, list) else data, "batches")
    batches = [_read_batch(entry) for entry in listed(body, "batches")]
    return BatchesPage([batch for batch in batches if batch], read_meta(body.get("meta"), "batches"))


def read_annotation(data: Any, item_id: str) -> Annotation:
    """Read the annotation of a work item; what is missing from it but the item's id may be."""
    body = {"id": "", "projectID": "", "workItemID": item_id, **as_object(data, "annotation")}
    found = lenient(Annotation, {**body, "workItemID": _as_text(body["workItemID"])}, {"id": "", "projectID": ""})
    if found is None:
        raise ResponseError(
            f"The annotation of work item {printable(item_id)} is not what the platform promises.",
            code="invalid_item",
            item_id=item_id,
        )
    return found


def read_signed_urls(data: Any) -> list[SignedURLObject]:
    """Read the signed URLs of one call; entries that are none are left out."""
    found = [lenient(SignedURLObject, entry, {}) for entry in _entries(as_object(data, "signed URLs").get("items"))]
    return [entry for entry in found if entry]


def _read_item(entry: Any) -> WorkItem | ItemError:
    if isinstance(entry, dict):
        fields = cast("Mapping[Any, Any]", entry)
        entry = {**fields, "id": _as_text(fields.get("id"))}
    item = lenient(WorkItem, entry, {})
    if item is None or not item.id:
        return ItemError("A work item in the manifest has no id.", code="invalid_item")
    return item


def _read_batch(entry: Any) -> Batch | None:
    if isinstance(entry, dict):
        fields = cast("Mapping[Any, Any]", entry)
        entry = {**fields, "name": str(fields.get("name") or fields.get("id"))}
    return lenient(Batch, entry, {})


def lenient(model: type[_Model], entry: Any, defaults: Mapping[str, Any]) -> _Model | None:
    """Validate an entry, without those of its fields that fail; None where a needed one does."""
    for _ in range(3):
        try:
            return model.model_validate(entry)
        except ValidationError as error:
            if not isinstance(entry, dict):
                return None
            bad = {problem["loc"][0] for problem in error.errors() if problem["loc"]}
            kept = {name: value for name, value in cast("Mapping[Any, Any]", entry).items() if name not in bad}
            entry = {**kept, **defaults}
    return None


def read_meta(value: Any, what: str) -> KeysetPaginationMeta | None:
    """Read both spellings of the cursors, numbers too: one that is overlooked ends the listing too early."""
    if value is None:
        return None
    fields = dict(as_object(value, what))
    for name, other in (("cursorNext", "cursor_next"), ("cursorPrev", "cursor_prev")):
        second = fields.pop(other, None)
        fields[name] = _as_text(fields.get(name) or second)
    if fields["cursorNext"] is not None and not isinstance(fields["cursorNext"], str):
        raise _broken_promise(what)
    return lenient(KeysetPaginationMeta, fields, {})


def _as_text(value: Any) -> Any:
    return str(value) if _is_number(value) else value


def _is_number(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_count(value: Any) -> bool:
    return _is_number(value) and 0 <= value < _TOO_MANY


def _entries(value: Any) -> list[Any]:
    return list(cast("Iterable[Any]", value)) if isinstance(value, list) else []


def listed(body: Mapping[str, Any], what: str) -> list[Any]:
    """Return the entries of a page; a page without a list is no empty page, which would end the listing quietly."""
    items = body.get("items")
    if not isinstance(items, list):
        raise _broken_promise(what)
    return _entries(items)


def as_object(data: Any, what: str) -> dict[str, Any]:
    """Return the object that an answer is to be; raise ResponseError (`invalid_json`) where it is none."""
    if isinstance(data, dict):
        return cast("dict[str, Any]", data)
    raise _broken_promise(what)


def _broken_promise(what: str) -> ResponseError:
    return ResponseError(
        f"The platform's answer for the {what} is JSON, but not the object it promises.",
        code="invalid_json",
        hint="Check the base URL.",
    )
