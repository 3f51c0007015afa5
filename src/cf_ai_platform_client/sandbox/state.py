"""What the routes serve: the project, its exports, and the storage's signed URLs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from . import signatures
from .export_files import ExportFiles
from .exports import Export, Exports
from .project import ServedProject
from .queries import Problem


@dataclass(frozen=True)
class State:
    """One space with its project."""

    project: ServedProject
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
