"""The errors of this package, each also an error that users of httpx and of files already catch.

CFError
├── StatusError           (httpx.HTTPStatusError)   the platform or the storage answered with an error
│   ├── AuthenticationError     401
│   ├── ForbiddenError          403
│   ├── NotFoundError           404
│   ├── ConflictError           409
│   ├── RateLimitError          429
│   ├── ServerError             5xx
│   └── RejectedError           any other refusal
├── RequestTimeoutError   (httpx.TimeoutException)  no answer in time, or a body that trickles
│   └── ExportTimeoutError      (TimeoutError)      an export is not finished in time
├── NetworkError          (httpx.NetworkError)      no connection, or one that broke
│   └── NoConnectionError       (httpx.ConnectError) no connection, so that nothing was sent
├── ResponseError         (httpx.HTTPError)         an answer that is not what was asked for
│   └── ListingError                                a listing that cannot be completed
├── ItemError             (ValueError)              a work item that cannot be fetched as it is
├── ExportError           (ValueError)              a space export that failed, or has no file
├── ArchiveError          (ValueError)              an export's zip file that is broken or not safe to extract
├── ItemsFailedError                            some work items of a download failed
├── UnsafeURLError        (httpx.HTTPError)         a URL that this client refuses to call
└── DiskError             (OSError)                 the destination cannot be written
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, get_args

import httpx

if TYPE_CHECKING:
    from .models import DownloadSummary

ErrorCode = Literal[
    "unauthorized",
    "forbidden",
    "not_found",
    "conflict",
    "rate_limited",
    "server_error",
    "rejected",
    "timeout",
    "network",
    "expired_url",
    "truncated",
    "checksum",
    "too_large",
    "too_slow",
    "invalid_json",
    "invalid_item",
    "mismatch",
    "unsafe_url",
    "unsafe_name",
    "no_result",
    "disk_full",
    "disk_error",
    "cursor_loop",
    "listing_failed",
    "cancelled",
    "not_attempted",
    "export_failed",
    "unknown_outcome",
]

ERROR_CODES: frozenset[str] = frozenset(get_args(ErrorCode))
"""The closed set of error codes."""

RETRYABLE_CODES: frozenset[str] = frozenset(
    {
        "rate_limited",
        "server_error",
        "timeout",
        "network",
        "expired_url",
        "truncated",
        "checksum",
        "too_slow",
        "invalid_json",
    }
)
"""The codes of failures that may pass: only these are tried again."""


class CFError(Exception):
    """Base of every error that this package raises on purpose.

    `code` is one of `ERROR_CODES`; `status`, `request_id` and `item_id` are None where there is none;
    `hint` says what to do next; `retry_after` is the server's wish in seconds; `summary` holds what was
    done when the error ended a download.
    """

    def __init__(
        self,
        message: str,
        *,
        code: ErrorCode,
        status: int | None = None,
        request_id: str | None = None,
        item_id: str | None = None,
        hint: str | None = None,
        retry_after: float | None = None,
        **parent: Any,
    ) -> None:
        super().__init__(message, **parent)
        self.message = message
        self.code: ErrorCode = code
        self.status = status
        self.request_id = request_id
        self.item_id = item_id
        self.hint = hint
        self.retry_after = retry_after
        self.summary: DownloadSummary | None = None
        self._parent = parent

    @property
    def retryable(self) -> bool:
        """Whether the same call may succeed later."""
        return self.code in RETRYABLE_CODES

    def __str__(self) -> str:
        return f"{self.message} {self.hint}" if self.hint else self.message

    def __reduce__(self) -> tuple[Any, ...]:
        fields = {
            name: getattr(self, name) for name in ("code", "status", "request_id", "item_id", "hint", "retry_after")
        }
        return _rebuild, (type(self), self.message, {**fields, **self._parent}, {"summary": self.summary})


def _rebuild(kind: type[CFError], message: str, keywords: dict[str, Any], attributes: dict[str, Any]) -> CFError:
    error = kind(message, **keywords)
    error.__dict__.update(attributes)
    return error


class StatusError(CFError, httpx.HTTPStatusError):
    """The platform or the storage answered with an error status.

    `.request` and `.response` are real httpx objects that carry no key and no query.
    """


class AuthenticationError(StatusError):
    """401: the API key is wrong or expired."""


class ForbiddenError(StatusError):
    """403: the key may not do this, or a signed URL was refused."""


class NotFoundError(StatusError):
    """404: no such project, space, work item or file."""


class ConflictError(StatusError):
    """409: the request conflicts with the state of the platform."""


class RateLimitError(StatusError):
    """429: too many requests; `retry_after` says when to come back, where the server said so."""


class ServerError(StatusError):
    """5xx: the server failed."""


class RejectedError(StatusError):
    """400, 422 and every other refusal: the same request will be refused again."""


class RequestTimeoutError(CFError, httpx.TimeoutException):
    """No answer in time, or one that came too slowly."""


class ExportTimeoutError(RequestTimeoutError, TimeoutError):
    """A space export was not finished in the time that was given to it; it goes on without us."""


class NetworkError(CFError, httpx.NetworkError):
    """The connection could not be made, or broke."""


class NoConnectionError(NetworkError, httpx.ConnectError):
    """The connection could not be made: nothing was sent."""


class ResponseError(CFError, httpx.HTTPError):
    """The answer came, and is not what was asked for: cut short, not JSON, another item's."""


class ListingError(ResponseError):
    """The listing cannot be completed: its cursors go in a circle."""


class ItemError(CFError, ValueError):
    """The work item lacks what is needed to fetch it."""


class ExportError(CFError, ValueError):
    """The space export failed, or has no file to download; the message has the platform's reason."""


class ArchiveError(CFError, ValueError):
    """The zip file of an export is cut short, altered, beyond `ExtractLimits`, or not safe to extract."""


class ItemsFailedError(CFError):
    """Some work items of a download failed; `summary` tells which and why."""


class UnsafeURLError(CFError, httpx.HTTPError):
    """The server named a URL that this client does not call."""


class DiskError(CFError, OSError):
    """The destination cannot be written: full, read-only, or gone."""


STATUS_ERRORS: dict[int, tuple[type[StatusError], ErrorCode]] = {
    401: (AuthenticationError, "unauthorized"),
    403: (ForbiddenError, "forbidden"),
    404: (NotFoundError, "not_found"),
    408: (ServerError, "timeout"),
    409: (ConflictError, "conflict"),
    429: (RateLimitError, "rate_limited"),
}
"""Which error and code stand for a status; 5xx is a ServerError, the rest a RejectedError."""
