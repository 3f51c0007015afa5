from __future__ import annotations

import os
from pathlib import Path

from cf_ai_platform_client.adapters.file_lock import try_lock


def test_a_lock_is_for_one_opening_until_it_is_closed(tmp_path: Path) -> None:
    path = tmp_path / "a"
    first = os.open(path, os.O_RDWR | os.O_CREAT)
    second = os.open(path, os.O_RDWR)
    assert try_lock(first)
    assert not try_lock(second)
    os.close(first)
    assert try_lock(second)
    os.close(second)


def test_what_has_no_locks_is_not_waited_for() -> None:
    reading, writing = os.pipe()
    os.close(writing)
    os.close(reading)
    assert try_lock(reading)
