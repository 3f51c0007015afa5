"""Journals that another process holds."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_HOLD = """
import sys
from cf_ai_platform_client.adapters.journal import Journal
journal = Journal.open(sys.argv[1])
run = journal.begin_run("p", "s", "COMPLETED", 1.0)
journal.list_items(run, {"a": "7"}, 2.0)
print("held", flush=True)
sys.stdin.read()
"""


@contextmanager
def held(destination: str | Path) -> Iterator[None]:
    """Let another process hold the journal in the midst of a run; it is killed in the end."""
    line = [sys.executable, "-c", _HOLD, str(destination)]
    with subprocess.Popen(line, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"held\n"
        try:
            yield
        finally:
            process.kill()
