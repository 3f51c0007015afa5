"""What receivers log: one safe line each, a safe traceback below, and not into the void."""

from __future__ import annotations

import logging
import traceback

from ..core.redaction import printable, printable_lines
from .errors import WebhookError
from .event import WebhookEvent

logger = logging.getLogger("cf_ai_platform_client.webhooks")


class Unheard(logging.Handler):
    """Shows warnings on standard error where the program has set up no log: what fails later fails silently else."""

    def emit(self, record: logging.LogRecord) -> None:
        """Show a record that no other handler is there for."""
        last = logging.lastResort
        if last is not None and record.levelno >= last.level and not _is_heard():
            last.handle(record)


def _is_heard() -> bool:
    here: logging.Logger | None = logger
    while here is not None:
        if any(not isinstance(handler, Unheard | logging.NullHandler) for handler in here.handlers):
            return True
        here = here.parent if here.propagate else None
    return False


def _make_safe(record: logging.LogRecord) -> bool:
    """Write the traceback, whose texts may be a stranger's, before a formatter does."""
    if record.exc_info and record.exc_info[0] is not None:
        record.exc_text = printable_lines("".join(traceback.format_exception(*record.exc_info)))
        record.exc_info = None
    return True


logger.addHandler(Unheard())
logger.addFilter(_make_safe)


def log_refused(error: WebhookError) -> None:
    """Log why a delivery is refused: whoever sent it is not told."""
    logger.warning("%s (%s)", printable(str(error)), error.reason)


def log_failed(event: WebhookEvent, error: BaseException, attempt: object, attempts: int) -> None:
    """Log that a handler failed, and whether for the last time."""
    what, item = said_by(error), printable(event.work_item_id)
    logger.error("Work item %s was not handled: %s", item, what, exc_info=error)
    if isinstance(attempt, int) and attempt >= attempts:
        logger.error(
            "Work item %s is given up after %s; its delivery stays in the store.", item, _counted(attempt, "attempt")
        )


def log_given_up(count: int, attempts: int) -> None:
    """Log how many deliveries are tried no more."""
    if count > 0:
        logger.error(
            "%s in the store %s given up after %s: start with more attempts to try again.",
            "1 delivery" if count == 1 else f"{count:,} deliveries",
            "is" if count == 1 else "are",
            _counted(attempts, "attempt"),
        )


def log_not_stored(error: Exception) -> None:
    """Log that a delivery could not be stored."""
    logger.error("A delivery could not be stored: %s", said_by(error), exc_info=error)


def said_by(error: BaseException) -> str:
    """Return the kind of an error and what it says, safe to show."""
    try:
        text = str(error)
    except Exception:
        text = "what it says cannot be shown"
    return printable(f"{type(error).__name__}: {text}" if text else type(error).__name__)


def _counted(count: int, what: str) -> str:
    return f"{count:,} {what}{'' if count == 1 else 's'}"
