"""What is wrong in a dataset, in which file and where in it, and what a fix would do."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

import msgspec

Severity = Literal["error", "warning", "info"]
"""An error breaks tools or training; a warning may; an info is worth knowing."""

Effect = Literal["fixed", "reduced", "left_out", "kept"]
"""What reading does about it: repairs it without guessing, keeps the object without this part of it, leaves the object
out, or keeps it as it is."""


class Finding(msgspec.Struct, frozen=True):
    """One thing that is wrong. `path` is a JSON path such as `$.annotations[3].bbox`, `fix` says what `fix` does to the
    file, None where nothing can be done without guessing."""

    code: str
    severity: Severity
    document: str
    path: str
    message: str
    fix: str | None = None
    effect: Effect = "kept"


def json_path(steps: Iterable[str | int]) -> str:
    """Write the way to a value.

    >>> json_path(["annotations", 3, "bbox"])
    '$.annotations[3].bbox'
    """
    return "$" + "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in steps)
