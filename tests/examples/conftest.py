from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from cf_ai_platform_client.sandbox import Sandbox

from .documents import BIN


@pytest.fixture
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Work in an empty folder, with the commands of this package at hand."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", f"{BIN}{os.pathsep}{os.environ['PATH']}")
    return tmp_path


@pytest.fixture
def account(monkeypatch: pytest.MonkeyPatch) -> Iterator[Sandbox]:
    """Set the environment of somebody with an account, whose exports are done at once."""
    with Sandbox(export_polls=1) as sandbox:
        monkeypatch.setenv("CF_API_KEY", sandbox.api_key)
        monkeypatch.setenv("CF_PLATFORM_BASE_URL", sandbox.base_url)
        yield sandbox
