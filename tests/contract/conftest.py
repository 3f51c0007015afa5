from __future__ import annotations

import json
import subprocess
import sys
import venv
from collections.abc import Callable
from typing import Any

import pytest

from . import as_a_user

VERSION = "0.3.0"

Order = dict[str, Any]
Answer = dict[str, Any]
Published = Callable[..., list[Answer]]


@pytest.fixture(scope="session")
def published(tmp_path_factory: pytest.TempPathFactory) -> Published:
    """The published client, unchanged, in an environment of its own; returns its answers to orders."""
    place = tmp_path_factory.mktemp("published")
    venv.create(place, with_pip=True, symlinks=sys.platform != "win32")
    python = place / ("Scripts" if sys.platform == "win32" else "bin") / "python"
    install = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    subprocess.run([*install, f"cf-ai-platform-client=={VERSION}"], check=True)

    def run(*orders: Order) -> list[Answer]:
        line = [python, "-I", as_a_user.__file__]
        done = subprocess.run(line, input=json.dumps(orders), capture_output=True, text=True, encoding="utf-8")
        assert done.returncode == 0, done.stderr
        answers: list[Answer] = json.loads(done.stdout)
        return answers

    return run
