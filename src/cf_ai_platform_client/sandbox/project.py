"""The projects that the sandbox serves, as values: the sample repeated without end, or one made by hand. No I/O."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

from .moments import parse_moment

JSONObject = Mapping[str, Any]

_CONTENT_TYPES = {
    "jpg": "image/jpeg",
    "jpeg": "image/jpeg",
    "png": "image/png",
    "mp4": "video/mp4",
    "pdf": "application/pdf",
    "txt": "text/plain",
}
_REPEATED_ID = re.compile(r"([0-9a-f]{8})-5a5a-4000-8000-([0-9a-f]{12})")


@dataclass(frozen=True)
class Document:
    """A file in the storage."""

    content: bytes
    content_type: str = "application/json"
    etag: str = ""

    @classmethod
    def of(cls, content: bytes, content_type: str = "application/json") -> Document:
        """Make a document with its ETag, the MD5 of its bytes as S3 has it."""
        digest = hashlib.md5(content, usedforsecurity=False).hexdigest()
        return cls(content, content_type, f'"{digest}"')


@dataclass(frozen=True)
class Selection:
    """Which items a listing asks for; empty means all, periods are inclusive."""

    status: str | None = None
    batch_ids: frozenset[int] = frozenset()
    item_ids: tuple[str, ...] = ()
    created: tuple[datetime | None, datetime | None] = (None, None)
    updated: tuple[datetime | None, datetime | None] = (None, None)

    def takes(self, item: JSONObject) -> bool:
        """Tell whether an item passes, its id aside."""
        return (
            (not self.status or item.get("status", "COMPLETED") == self.status)
            and (not self.batch_ids or item.get("batchId") in self.batch_ids)
            and _within(item.get("createdAt"), self.created)
            and _within(item.get("updatedAt"), self.updated)
        )


class Listing(Protocol):
    """The items that a selection takes: their number, and any of them by position, with an IndexError beyond."""

    def __len__(self) -> int: ...

    def __getitem__(self, position: int, /) -> JSONObject: ...


class ServedProject(Protocol):
    """What the server needs of a project."""

    @property
    def project_id(self) -> str: ...

    @property
    def space_id(self) -> str: ...

    def batches(self) -> Sequence[JSONObject]:
        """Return the batches as they go over the wire."""
        ...

    def select(self, selection: Selection) -> Listing:
        """Return the items of a listing as they go over the wire."""
        ...

    def annotation(self, item_id: str) -> JSONObject | None:
        """Return the annotation of an item, None for an unknown one."""
        ...

    def document(self, path: str) -> Document | None:
        """Return what the storage has at a path of the space."""
        ...


@dataclass(frozen=True)
class Project:
    """A project made by hand, as odd as a test needs it.

    `items` and `batch_objects` are served as they are; `documents` are the space's files by path, assets too. An item's
    result is `coco_output/ID.json` unless `annotations` says otherwise for its id.

    >>> project = Project(items=[{"id": "a", "batchId": None}], documents={"coco_output/a.json": b'{"images": []}'})
    >>> project.annotation("a")["metadata"]
    {'coco_results_url': 's3://sandbox/spaces/sample-space/coco_output/a.json'}
    """

    items: Sequence[JSONObject] = ()
    batch_objects: Sequence[JSONObject] = ()
    documents: Mapping[str, bytes] = field(default_factory=dict[str, bytes])
    annotations: Mapping[str, JSONObject] = field(default_factory=dict[str, JSONObject])
    project_id: str = "sample-project"
    space_id: str = "sample-space"

    def batches(self) -> Sequence[JSONObject]:
        return self.batch_objects

    def select(self, selection: Selection) -> Listing:
        wanted = set(selection.item_ids)
        return [item for item in self.items if selection.takes(item) and (not wanted or item.get("id") in wanted)]

    def annotation(self, item_id: str) -> JSONObject | None:
        if item_id in self.annotations:
            return self.annotations[item_id]
        if not any(str(item.get("id")) == item_id for item in self.items):
            return None
        return annotation_of(self.project_id, self.space_id, item_id)

    def document(self, path: str) -> Document | None:
        content = self.documents.get(path)
        return None if content is None else Document.of(content, content_type_of(path))


class RepeatedSample:
    """The sample, repeated under new ids up to `count` items; nothing is made before it is asked for.

    Item n is item n modulo 36 of the sample; beyond the first 36 its id tells n, so that no table is needed.
    """

    def __init__(self, sample: JSONObject, read: Callable[[str], bytes], count: int | None = None) -> None:
        self.project_id: str = sample["projectId"]
        self.space_id: str = sample["spaceId"]
        self._items: list[JSONObject] = sample["items"]
        self._batches: list[JSONObject] = sample["batches"]
        self._count = len(self._items) if count is None else count
        self._numbers = {item["id"]: number for number, item in enumerate(self._items)}
        self._files = {item["assetUrl"]: item["image"] for item in self._items}
        self._read = read
        self._documents: dict[str, Document] = {}

    def batches(self) -> Sequence[JSONObject]:
        return [self._batch(batch) for batch in self._batches]

    def select(self, selection: Selection) -> Listing:
        if selection.item_ids:
            numbers = sorted({n for item_id in selection.item_ids if (n := self._number(item_id)) is not None})
            return [item for number in numbers if selection.takes(item := self.item(number))]
        positions = [n for n, item in enumerate(self._items) if selection.takes(item)]
        return _Repeated(self, positions, len(self._items), self._count)

    def item(self, number: int) -> JSONObject:
        """Return item `number` as it goes over the wire."""
        source = self._items[number % len(self._items)]
        wire = {name: source[name] for name in ("batchId", "assetUrl", "status", "createdAt", "updatedAt", "assetType")}
        return {"id": self._id(number), "resultUrl": None, **wire}

    def annotation(self, item_id: str) -> JSONObject | None:
        if self._number(item_id) is None:
            return None
        return annotation_of(self.project_id, self.space_id, item_id)

    def document(self, path: str) -> Document | None:
        name = self._file(path)
        if name is None:
            return None
        if name not in self._documents:
            self._documents[name] = Document.of(self._read(name), content_type_of(name))
        return self._documents[name]

    def _file(self, path: str) -> str | None:
        if path in self._files:
            return str(self._files[path])
        folder, _, file = path.partition("/")
        number = self._number(file.removesuffix(".json")) if folder == "coco_output" else None
        return None if number is None else str(self._items[number % len(self._items)]["coco"])

    def _id(self, number: int) -> str:
        if number < len(self._items):
            return str(self._items[number]["id"])
        check = hashlib.sha256(str(number).encode()).hexdigest()[:12]
        return f"{number:08x}-5a5a-4000-8000-{check}"

    def _number(self, item_id: str) -> int | None:
        number = self._numbers.get(item_id)
        if number is None and (match := _REPEATED_ID.fullmatch(item_id)):
            number = int(match.group(1), 16)
        if number is None or number >= self._count or self._id(number) != item_id:
            return None
        return number

    def _batch(self, batch: JSONObject) -> JSONObject:
        listing = self.select(Selection(batch_ids=frozenset({batch["id"]})))
        return {
            "id": batch["id"],
            "projectId": self.project_id,
            "name": batch["name"],
            "createdAt": batch["createdAt"],
            "createdBy": "sandbox@example.com",
            "metadata": None,
            "priority": 0,
            "totalCount": len(listing),
            "completedCount": len(listing),
        }


@dataclass(frozen=True)
class _Repeated:
    """The items at some positions of every repetition: any of them is found by arithmetic."""

    sample: RepeatedSample
    positions: Sequence[int]
    period: int
    count: int

    def __len__(self) -> int:
        rounds, rest = divmod(self.count, self.period)
        return rounds * len(self.positions) + sum(position < rest for position in self.positions)

    def __getitem__(self, position: int) -> JSONObject:
        if not 0 <= position < len(self):
            raise IndexError(position)  # else a loop over it never ends
        rounds, rest = divmod(position, len(self.positions))
        return self.sample.item(rounds * self.period + self.positions[rest])


def annotation_of(project_id: str, space_id: str, item_id: str) -> JSONObject:
    """Return the annotation of an item whose result is where results are."""
    url = f"s3://sandbox/spaces/{space_id}/coco_output/{item_id}.json"
    return {
        "id": f"annotation-{item_id}",
        "projectID": project_id,
        "workItemID": item_id,
        "metadata": {"coco_results_url": url},
    }


def content_type_of(path: str) -> str:
    """Return the Content-Type of a file by its name."""
    return _CONTENT_TYPES.get(path.rpartition(".")[2].lower(), "application/json")


def read_sample(read: Callable[[str], bytes], count: int | None = None) -> RepeatedSample:
    """Make the sample project from its files; `read` returns the bytes of one by its name."""
    return RepeatedSample(json.loads(read("project.json")), read, count)


def _within(value: Any, period: tuple[datetime | None, datetime | None]) -> bool:
    start, end = period
    if start is None and end is None:
        return True
    try:
        moment = parse_moment(value)
    except (TypeError, ValueError):
        return False
    return (start is None or moment >= start) and (end is None or moment <= end)
