"""A project whose work items change their status while it is served. No I/O."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

from .project import Document, JSONObject, Listing, Selection, ServedProject

_LISTINGS_KEPT = 8
"""Selections of a changed project, so that its pages are cut from one walk over it."""


class ChangingProject:
    """Another project with some statuses changed since; costs nothing until the first change."""

    def __init__(self, project: ServedProject) -> None:
        self._project = project
        self._lock = threading.Lock()
        self._changes: dict[str, JSONObject] = {}
        self._listings: dict[Selection, Sequence[JSONObject]] = {}

    @property
    def project_id(self) -> str:
        return self._project.project_id

    @property
    def space_id(self) -> str:
        return self._project.space_id

    def change(self, item_id: str, status: str, updated_at: str) -> JSONObject | None:
        """Give a work item a status and return it, None for an unknown one."""
        with self._lock:
            if self._found(item_id) is None:
                return None
            self._changes[item_id] = {"status": status, "updatedAt": updated_at}
            self._listings.clear()
        return self.item(item_id)

    def item(self, item_id: str) -> JSONObject | None:
        """Return a work item as it goes over the wire, None for an unknown one."""
        found = self._found(item_id)
        return None if found is None else self._now(found)

    def batches(self) -> Sequence[JSONObject]:
        with self._lock:
            changes = dict(self._changes)
        done: Counter[object] = Counter()
        for item_id, change in changes.items():
            before = self._found(item_id) or {}
            done[before.get("batchId")] += _is_done(change) - _is_done(before)
        return [
            {**batch, "completedCount": batch["completedCount"] + done[batch["id"]]} if done[batch.get("id")] else batch
            for batch in self._project.batches()
        ]

    def select(self, selection: Selection) -> Listing:
        if not self._changes:
            return self._project.select(selection)
        with self._lock:
            if selection not in self._listings:
                if len(self._listings) >= _LISTINGS_KEPT:
                    self._listings.clear()
                self._listings[selection] = self._selected(selection)
            return self._listings[selection]

    def annotation(self, item_id: str) -> JSONObject | None:
        return self._project.annotation(item_id)

    def document(self, path: str) -> Document | None:
        return self._project.document(path)

    def _selected(self, selection: Selection) -> Sequence[JSONObject]:
        listing = self._project.select(replace(selection, status=None, updated=(None, None)))
        items = (self._now(listing[position]) for position in range(len(listing)))
        return [item for item in items if selection.takes(item)]

    def _now(self, item: JSONObject) -> JSONObject:
        change = self._changes.get(str(item.get("id")))
        return item if change is None else {**item, **change}

    def _found(self, item_id: str) -> JSONObject | None:
        listing = self._project.select(Selection(item_ids=(item_id,)))
        return listing[0] if len(listing) else None


def _is_done(item: JSONObject) -> bool:
    return bool(item.get("status", "COMPLETED") == "COMPLETED")
