"""A work item on its way through the stages."""

from __future__ import annotations

from dataclasses import dataclass, field

from ..models import WorkItem


@dataclass(slots=True)
class Job:
    """What the stages know of one work item: each fills in what the next needs.

    `attempt` and `since` count within the present stage.
    """

    index: int
    item: WorkItem
    attempt: int = 0
    since: float = 0.0
    path: str = ""
    url: str = field(default="", repr=False)
    signed_again: bool = False
    sign_alone: bool = False

    def enter_stage(self) -> None:
        """Start counting attempts anew."""
        self.attempt = 0
