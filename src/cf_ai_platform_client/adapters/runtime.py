"""Clocks, sleep and randomness as one value that tests replace."""

from __future__ import annotations

import asyncio
import importlib
import importlib.util
import random
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass

for _late in ("anyio._backends._asyncio", "uvloop"):
    with suppress(ImportError):
        importlib.import_module(_late)  # with the package, or the first call and its event loop wait 15 ms for it


def loop_options() -> dict[str, bool]:
    """Return the options for `anyio.run` that take the faster event loop where the extra `speed` is installed."""
    return {"use_uvloop": importlib.util.find_spec("uvloop") is not None}


@dataclass(frozen=True, slots=True)
class Runtime:
    """`monotonic` and `wall` return seconds, `sleep` waits that many, `jitter` draws from [0, 1)."""

    monotonic: Callable[[], float] = time.monotonic
    wall: Callable[[], float] = time.time
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    jitter: Callable[[], float] = random.random
