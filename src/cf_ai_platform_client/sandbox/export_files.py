"""The zips of exports, made of a project in each format and content: the same bytes every time. No I/O."""

from __future__ import annotations

import csv
import io
import json
import re
import threading
import zipfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from .export_records import COLUMNS, Work, records, work_items
from .exports import Export, Exports, Order
from .project import Document, ServedProject

_DATE = (2026, 1, 1, 0, 0, 0)
_NOT_IN_FOLDERS = re.compile(r'[\\/:*?"<>|\x00-\x1f\x7f\ud800-\udfff]')

Member = tuple[str, Iterator[bytes]]


class ExportFiles:
    """The zips of a space's exports, each made when it is first asked for; safe to use from several threads."""

    def __init__(self, project: ServedProject, exports: Exports) -> None:
        self._project = project
        self._exports = exports
        self._lock = threading.Lock()
        self._made: dict[str, Document] = {}

    def document(self, export_id: str) -> Document | None:
        """Return the zip of an export, None where there is none (yet, or no more)."""
        with self._lock:
            export = self._exports.find(export_id)
            if export is None or self._exports.status(export) != "COMPLETED":
                return None
            if export_id not in self._made:
                self._made[export_id] = self._make(export)
            return self._made[export_id]

    def forget(self, export_id: str) -> None:
        """Give up the memory of an export's zip."""
        with self._lock:
            self._made.pop(export_id, None)

    def _make(self, export: Export) -> Document:
        return Document.of(zip_of(self._project, export.order), "application/zip")


def zip_of(project: ServedProject, order: Order) -> bytes:
    """Make the zip of an export.

    COCO_JSON has a document a work item, `BATCH NAME/WORK_ITEM_ID.json`; JSON and CSV have one member, named by its
    content: `annotations.json`, `inferences.csv`, `asset_metadata.json`.
    """
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, pieces in _members(project, order):
            entry = zipfile.ZipInfo(name, _DATE)
            entry.compress_type = zipfile.ZIP_DEFLATED
            with archive.open(entry, "w") as member:
                for piece in pieces:
                    member.write(piece)
    return file.getvalue()


def _members(project: ServedProject, order: Order) -> Iterator[Member]:
    works = work_items(project, order.selection)
    if order.format == "COCO_JSON":
        yield from _documents(works)
        return
    name = {"ANNOTATION": "annotations", "INFERENCE": "inferences", "ASSET_METADATA": "asset_metadata"}[order.content]
    if order.format == "JSON":
        yield f"{name}.json", _json_list(records(works, order.content, nested=True))
    else:
        yield f"{name}.csv", _csv_rows(COLUMNS[order.content], records(works, order.content, nested=False))


def _documents(works: Iterable[Work]) -> Iterator[Member]:
    names: set[str] = set()
    for work in works:
        name = f"{_segment(work.batch_name)}/{_segment(str(work.item.get('id')))}.json"
        if work.content is not None and name not in names:
            names.add(name)
            yield name, iter([work.content])


def _segment(text: str) -> str:
    """Return a text as one safe segment of a path: the sandbox's zips do no harm, whatever it serves."""
    return _NOT_IN_FOLDERS.sub("_", text).strip(" .") or "_"


def _json_list(values: Iterable[Mapping[str, Any]]) -> Iterator[bytes]:
    before = "[\n"
    for value in values:
        yield f"{before}{json.dumps(value)}".encode()
        before = ",\n"
    yield b"[]\n" if before == "[\n" else b"\n]\n"


def _csv_rows(columns: Sequence[str], rows: Iterable[Mapping[str, Any]]) -> Iterator[bytes]:
    line = io.StringIO()
    writer = csv.DictWriter(line, columns)
    writer.writeheader()
    for row in rows:
        writer.writerow({name: _without_nul(value) for name, value in row.items()})
        yield _taken(line)
    yield _taken(line)


def _without_nul(value: Any) -> Any:
    return value.replace("\0", "\ufffd") if isinstance(value, str) else value  # Python 3.10 writes none into CSV


def _taken(line: io.StringIO) -> bytes:
    text = line.getvalue()
    line.seek(0)
    line.truncate()
    return text.encode("utf-8", "replace")
