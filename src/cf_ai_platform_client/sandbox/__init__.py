"""The platform's API in a process, for tests and trials without an account or a network.

Stand-in, not the platform: it was made from the published packages and the vendor's reference.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .faults import Fault
    from .project import Document, Project
    from .record import SeenRequest
    from .server import Sandbox
    from .storm import STORM
    from .webhooks import Delivery

__all__ = ["STORM", "Delivery", "Document", "Fault", "Project", "Sandbox", "SeenRequest"]

_ELSEWHERE = {
    "STORM": "storm",
    "Delivery": "webhooks",
    "Document": "project",
    "Fault": "faults",
    "Project": "project",
    "Sandbox": "server",
    "SeenRequest": "record",
}


def __getattr__(name: str) -> Any:
    """Import a public name when it is first used: the pytest plugin must not cost those who do not use it."""
    if name not in _ELSEWHERE:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f".{_ELSEWHERE[name]}", __name__), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
