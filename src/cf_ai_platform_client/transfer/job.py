"""A work item on its way through the stages."""

from __future__ import annotations

from dataclasses import dataclass, field

from ..core.planning import Entry, kept
from ..core.retry import Tries
from ..models import WorkItem


@dataclass(slots=True)
class Job:
    """What the stages know of one work item: each fills in what the next needs.

    `tries` counts within the present stage. `entry` is what the journal knows; with `ask` the document is wanted only
    if it changed since. `etag` is the one that came with the document.
    """

    index: int
    item: WorkItem
    entry: Entry | None = None
    ask: bool = False
    tries: Tries = field(default_factory=Tries)
    path: str = ""
    etag: str | None = None
    url: str = field(default="", repr=False)
    signed_again: bool = False
    sign_alone: bool = False

    @property
    def known_etag(self) -> str | None:
        """The ETag of the document on disk, where only another one is wanted and it may still be this one."""
        version = self.entry.version if self.ask and self.entry else None
        return version.etag if version and version.result == kept(self.path) else None

    def enter_stage(self) -> None:
        """Start counting attempts anew."""
        self.tries = Tries()
