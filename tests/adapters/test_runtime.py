from __future__ import annotations

import asyncio
import importlib.util

from cf_ai_platform_client.adapters.runtime import Runtime, loop_options


def test_the_faster_loop_is_taken_where_it_is_installed() -> None:
    assert loop_options() == {"use_uvloop": importlib.util.find_spec("uvloop") is not None}


def test_the_real_clocks_run() -> None:
    runtime = Runtime()
    before = runtime.monotonic(), runtime.wall()
    asyncio.run(runtime.sleep(0))  # type: ignore[arg-type]
    assert (runtime.monotonic(), runtime.wall()) >= before
    assert runtime.wall() > 1.7e9
    assert 0 <= runtime.jitter() < 1
