"""Faults as data: rows that say where, when and what goes wrong. No I/O but reading a file of rows."""

from __future__ import annotations

import random
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, Literal, cast, get_args

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

Endpoint = Literal["work_items", "batches", "annotations", "signed_urls", "storage", "exports", "jwks", "*"]
Action = Literal["status", "headers", "reset", "truncated", "close_delimited", "slow", "altered"]


@dataclass(frozen=True)
class Fault:
    """One row: at which endpoint, for which of its requests, what happens.

    `match` narrows it to requests whose path holds that text: `"/assets/"` to the images of the sample. When: `nth` (1
    is the first request, or several of them), or `rate` (0 to 1), or every request; at most `times` times, and once for
    each path with `once_per_path` (as an expired URL is: the next one is good).

    What, by `action`: `status` answers with `status`, `headers` and `body`; `headers` adds headers to the right answer;
    `reset` breaks the connection; `truncated` announces the whole length and sends half; `close_delimited` sends half
    without a length; `slow` waits `delay` seconds and then sends `bytes_per_second`; `altered` sends `body`, or the
    right one with a byte changed.

    >>> Fault("storage", nth=1, action="status", status=503, headers={"Retry-After": "1"}).endpoint
    'storage'
    """

    endpoint: Endpoint
    action: Action
    match: str = ""
    nth: int | Sequence[int] = ()
    rate: float | None = None
    times: int | None = None
    once_per_path: bool = False
    status: int = 503
    headers: Mapping[str, str] = field(default_factory=dict[str, str])
    body: str = ""
    delay: float = 0.0
    bytes_per_second: float | None = None

    def __post_init__(self) -> None:
        _check(
            "endpoint", self.endpoint, self.endpoint in get_args(Endpoint), f"one of {', '.join(get_args(Endpoint))}"
        )
        _check("action", self.action, self.action in get_args(Action), f"one of {', '.join(get_args(Action))}")
        _check("match", self.match, _are_texts(self.match), "text")
        _check("nth", self.nth, _are_numbers(self.nth), "a number from 1, or several")
        rate, times, pace = self.rate, self.times, self.bytes_per_second
        _check("rate", rate, rate is None or (_is_number(rate) and 0 <= rate <= 1), "between 0 and 1")
        _check("rate", rate, rate is None or not self.requests, "left out where nth is given")
        _check("times", times, times is None or (_is_number(times) and times >= 1), "a number from 1")
        _check("status", self.status, _is_number(self.status) and 100 <= self.status <= 599, "an HTTP status")
        _check("headers", self.headers, _are_headers(self.headers), "a table of texts")
        _check("body", self.body, _are_texts(self.body), "text")
        _check("delay", self.delay, _is_number(self.delay) and self.delay >= 0, "seconds, not negative")
        _check("bytes_per_second", pace, pace is None or (_is_number(pace) and pace > 0), "more than 0")

    @property
    def requests(self) -> Sequence[int]:
        """The numbers of the requests that it is for, empty for all."""
        return (self.nth,) if isinstance(self.nth, int) else tuple(self.nth)


class Script:
    """Decides for each request which fault strikes; the same seed and order of requests give the same faults."""

    def __init__(self, faults: Iterable[Fault], seed: int = 0) -> None:
        self._random = random.Random(seed)
        self._rows = [_Row(fault) for fault in faults]

    def strike(self, endpoint: str, path: str) -> Fault | None:
        """Count a request and return the first row that strikes it."""
        struck: Fault | None = None
        for row in self._rows:
            if row.concerns(endpoint, path) and row.strikes(self._random) and struck is None and row.is_left(path):
                row.done += 1
                struck = row.fault
        return struck


@dataclass
class _Row:
    fault: Fault
    seen: int = 0
    done: int = 0
    paths: set[str] = field(default_factory=set[str])

    def concerns(self, endpoint: str, path: str) -> bool:
        return self.fault.endpoint in {"*", endpoint} and self.fault.match in path

    def strikes(self, source: random.Random) -> bool:
        self.seen += 1
        if self.fault.requests:
            return self.seen in self.fault.requests
        return self.fault.rate is None or source.random() < self.fault.rate

    def is_left(self, path: str) -> bool:
        if self.fault.once_per_path:
            if path in self.paths:
                return False
            self.paths.add(path)
        return self.fault.times is None or self.done < self.fault.times


def load(spec: str) -> Sequence[Fault]:
    """Return the faults of `storm`, or of a TOML file of `[[fault]]` rows. Raises ValueError, OSError.

    A row has the fields of `Fault`, for example:

        [[fault]]
        endpoint = "storage"
        rate = 0.1
        action = "truncated"
    """
    if spec == "storm":
        from .storm import STORM

        return STORM
    try:
        content = tomllib.loads(Path(spec).read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ValueError(f"The faults {spec!r} are neither 'storm' nor a file that is there.") from None
    except ValueError as error:
        raise ValueError(f"{spec} is not TOML: {error}.") from None
    rows: Any = content.get("fault")
    if set(content) != {"fault"} or not isinstance(rows, list):
        raise ValueError(f"{spec} must hold [[fault]] rows and nothing else.")
    return [_row(number, row, spec) for number, row in enumerate(cast("Iterable[Any]", rows), 1)]


def _row(number: int, row: Any, spec: str) -> Fault:
    known = [entry.name for entry in fields(Fault)]
    where = f"{spec}, row {number}"
    if not isinstance(row, dict):
        raise ValueError(f"{where}: write [[fault]] on a line of its own.")
    values = cast("dict[str, Any]", row)
    unknown = sorted(set(values) - set(known))
    if unknown:
        raise ValueError(f"{where}: {unknown[0]} is not known; a row has {', '.join(known)}.")
    missing = [name for name in ("endpoint", "action") if name not in values]
    if missing:
        raise ValueError(f"{where}: {missing[0]} is missing.")
    try:
        return Fault(**values)
    except ValueError as error:
        raise ValueError(f"{where}: {error}") from None


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _are_numbers(value: object) -> bool:
    numbers = cast("Sequence[object]", value) if isinstance(value, Sequence) else (value,)
    return all(isinstance(n, int) and n >= 1 for n in numbers)


def _are_headers(value: object) -> bool:
    if not isinstance(value, Mapping):
        return False
    pairs = cast("Mapping[object, object]", value)
    return _are_texts(*pairs.keys(), *pairs.values())


def _are_texts(*values: object) -> bool:
    return all(isinstance(value, str) for value in values)


def _check(name: str, value: object, right: bool, allowed: str) -> None:
    if not right:
        raise ValueError(f"{name} is {value!r}: it must be {allowed}.")
