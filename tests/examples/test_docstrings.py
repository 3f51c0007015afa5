from __future__ import annotations

import doctest
import importlib
from pathlib import Path

import pytest

import cf_ai_platform_client

PACKAGE = Path(str(cf_ai_platform_client.__file__)).parent


def modules_with_examples() -> list[str]:
    files = [path for path in sorted(PACKAGE.rglob("*.py")) if ">>> " in path.read_text(encoding="utf-8")]
    parts = [path.relative_to(PACKAGE.parent).with_suffix("").parts for path in files]
    return [".".join(part for part in names if part != "__init__") for names in parts]


@pytest.mark.parametrize("name", modules_with_examples())
def test_the_examples_of_a_module_run(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("doctest._SpoofOut.encoding", "utf-8", raising=False)  # as a terminal has it
    outcome = doctest.testmod(importlib.import_module(name), optionflags=doctest.ELLIPSIS)
    assert outcome.attempted
    assert outcome.failed == 0


def test_the_users_entrances_have_examples() -> None:
    assert {
        f"cf_ai_platform_client.{name}"
        for name in ("client", "sync", "sandbox.server", "core.retry", "datasets.dataset", "datasets.view")
    } <= {*modules_with_examples()}
