"""Libraries that come with an extra: imported when they are needed, with a sentence that says how to get them."""

from __future__ import annotations

from importlib import import_module
from typing import Any


class MissingExtra(ImportError):
    """A library is needed that is not installed; the message says which extra brings it."""


def require(module: str, extra: str, what: str) -> Any:
    """Import a library; `what` begins the sentence that is raised without it, such as "PNG masks".

    >>> require("json", "nothing", "Numbers").dumps(1)
    '1'
    """
    try:
        return import_module(module)
    except ImportError as error:
        package = module.partition(".")[0]
        is_missing = (error.name or "").partition(".")[0] == package
        why = "is not installed" if is_missing else f"cannot be imported ({str(error).rstrip('.')})"
        raise MissingExtra(
            f"{what} need {package}, which {why}: pip install 'cf-ai-platform-client[{extra}]'.", name=package
        ) from error
