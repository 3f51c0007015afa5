"""What to type to run this program again."""

from __future__ import annotations

import os
import shlex
import shutil
import sys


def program() -> str:
    """Return `cf-ai` where the shell finds this one, else the way it was called."""
    called = sys.argv[0]
    found = shutil.which("cf-ai")
    if called.endswith(".py"):
        return "cf-ai" if found else f"{shlex.quote(sys.executable)} -m cf_ai_platform_client.cli.main"
    if found and os.path.realpath(found) == os.path.realpath(shutil.which(called) or called):
        return "cf-ai"
    return shlex.quote(called)
