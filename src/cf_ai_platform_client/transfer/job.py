"""A work item on its way through the stages."""

from __future__ import annotations

from dataclasses import dataclass, field

from ..core.retry import Tries
from ..models import WorkItem


@dataclass(slots=True)
class Job:
    """What the stages know of one work item: each fills in what the next needs.

    `tries` counts within the present stage.
    """

    index: int
    item: WorkItem
    tries: Tries = field(default_factory=Tries)
    path: str = ""
    url: str = field(default="", repr=False)
    signed_again: bool = False
    sign_alone: bool = False

    def enter_stage(self) -> None:
        """Start counting attempts anew."""
        self.tries = Tries()
