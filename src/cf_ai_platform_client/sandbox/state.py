"""What the routes serve: the project, its exports and webhooks, and the storage's signed URLs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from . import signatures
from .export_files import ExportFiles
from .exports import Export, Exports
from .moments import moment_text
from .project import JSONObject
from .queries import Problem
from .statuses import ChangingProject
from .webhook_keys import NEEDED, can_sign
from .webhooks import Webhooks, check_url


@dataclass(frozen=True)
class State:
    """One space with its project."""

    project: ChangingProject
    webhooks: Webhooks
    exports: Exports
    export_files: ExportFiles
    secret: bytes
    url_lifetime: float
    clock: Callable[[], float]

    def check_space(self, space_id: str) -> None:
        """Raise Problem for another space."""
        if space_id != self.project.space_id:
            raise Problem(404, f"Space {space_id} was not found")

    def check_project(self, project_id: str) -> None:
        """Raise Problem for another project."""
        if project_id != self.project.project_id:
            raise Problem(404, f"Project {project_id} was not found")

    def signed_url(self, origin: str, path: str) -> str:
        """Return the URL at which anybody reads a path of the storage for a while; `origin` is scheme and host."""
        query = signatures.sign(self.secret, path, self.clock(), self.url_lifetime)
        return f"{origin}/storage/{signatures.quoted(path)}?{query}"

    def served_export(self, export: Export, origin: str) -> dict[str, Any]:
        """Return an export as it goes over the wire, its URL signed anew."""
        path = f"exports/{self.project.space_id}/{export.export_id}.zip"
        return self.exports.wire(export, lambda: self.signed_url(origin, path))

    def item(self, item_id: str) -> JSONObject:
        """Return a work item as it goes over the wire. Raises Problem (404)."""
        return self._known(item_id, self.project.item(item_id))

    def change_status(self, item_id: str, status: str) -> JSONObject:
        """Change a work item's status, updated now, and return it. Raises Problem."""
        if not status.strip():
            raise Problem(422, "status must be a text that is not empty")
        return self._known(item_id, self.project.change(item_id, status, moment_text(self.clock())))

    def set_webhook_url(self, url: str | None) -> None:
        """Say where webhooks go, None for nowhere. Raises ValueError, and ImportError where they cannot be signed."""
        if url is not None:
            check_url(url)
            if not can_sign():
                raise ImportError(NEEDED)
        self.webhooks.url = url

    def _known(self, item_id: str, item: JSONObject | None) -> JSONObject:
        if item is None:
            raise Problem(404, f"Work item {item_id} was not found")
        return item
