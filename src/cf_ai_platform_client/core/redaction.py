"""What may be shown: no key, no query of a URL, no control characters."""

from __future__ import annotations

import re
from collections.abc import Mapping
from urllib.parse import urlsplit, urlunsplit

_CONTROL = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200b\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]"
)
_SPACE = re.compile(r"\s+")
_URL_QUERY = re.compile(r"(\w{1,20}://[^\s?#\"<>]*)[?#][^\s\"<>]*")
_SIGNED = re.compile(r"((?:x-(?:amz|goog)-[\w-]+|sig|signature)=)[^&\s\"'<>\\]+", re.IGNORECASE)
_URL_USER = re.compile(r"(\w{1,20}://)[^\s/?#\"<>]*@")
_READ_PER_SHOWN = 10
_SHOWN_HEADERS = frozenset(
    {"content-type", "content-length", "content-encoding", "retry-after", "date", "etag", "last-modified"}
    | {"x-request-id", "x-amz-request-id", "x-correlation-id", "server"}
)


class Secret:
    """A string that shows itself only when asked by `reveal()`.

    >>> Secret("key-123")
    Secret('********')
    """

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        """Return the secret itself."""
        return self._value

    def __repr__(self) -> str:
        return "Secret('********')"

    __str__ = __repr__

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and other._value == self._value

    def __hash__(self) -> int:
        return hash(self._value)

    def __reduce__(self) -> str:
        raise TypeError("An API key is not pickled: make the client where it is used.")


def without_query(url: str) -> str:
    """Cut a URL's query, fragment and user info.

    >>> without_query("https://u:p@store.example/a.json?X-Amz-Signature=1f")
    'https://store.example/a.json'
    """
    try:
        parts = urlsplit(url)
        return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", ""))
    except ValueError:
        return "(not a URL)"


def printable(text: str, most: int = 300) -> str:
    r"""Make a server's text safe to show: one line of at most `most`, no control characters, queries or users of URLs.

    >>> printable("no\x1b[31m such project\n")
    'no\\x1b[31m such project'
    """
    begins = text[: _READ_PER_SHOWN * most]  # a pattern over megabytes of the server's text would hold up everything
    line = _SIGNED.sub(r"\1***", _URL_USER.sub(r"\1", _URL_QUERY.sub(r"\1", begins)))
    line = _SPACE.sub(" ", line).strip()
    line = _CONTROL.sub(lambda match: match.group().encode("unicode_escape").decode(), line)
    return line if len(line) <= most else f"{line[: most - 1]}…"


def printable_lines(text: str, most: int = 2000) -> str:
    r"""Make a text of many lines, such as a traceback, safe to show: each as `printable` does, indented as it was.

    >>> printable_lines("Traceback:\n  raise \x1b[31m")
    'Traceback:\n  raise \\x1b[31m'
    """
    lines = text.splitlines()
    return "\n".join(" " * (len(line) - len(line.lstrip(" "))) + printable(line, most) for line in lines)


def shown_headers(headers: Mapping[str, str]) -> dict[str, str]:
    """Keep the headers that help and hold no secret."""
    return {name.lower(): printable(value) for name, value in headers.items() if name.lower() in _SHOWN_HEADERS}
