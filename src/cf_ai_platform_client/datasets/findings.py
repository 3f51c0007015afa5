"""What is wrong in a dataset, in which file and where in it, and what a fix would do."""

from __future__ import annotations

from typing import Literal

import msgspec

Severity = Literal["error", "warning", "info"]
"""An error breaks tools or training; a warning may; an info is worth knowing."""

Effect = Literal["fixed", "left_out", "kept"]
"""What reading does about it: repairs it without guessing, leaves the object out, or keeps it as it is."""


class Finding(msgspec.Struct, frozen=True):
    """One thing that is wrong. `path` is a JSON path such as `$.annotations[3].bbox`, `fix` says what is done about it,
    None where nothing can be done without guessing."""

    code: str
    severity: Severity
    document: str
    path: str
    message: str
    fix: str | None = None
    effect: Effect = "kept"
