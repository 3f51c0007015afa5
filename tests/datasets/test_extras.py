from __future__ import annotations

import sys
from pathlib import Path

import pytest

from cf_ai_platform_client.datasets import MissingExtra
from cf_ai_platform_client.datasets.extras import require


def test_a_library_that_is_there_is_imported() -> None:
    assert require("json.decoder", "nothing", "Numbers") is sys.modules["json.decoder"]


def test_one_that_is_missing_is_told_with_the_extra_that_brings_it() -> None:
    with pytest.raises(MissingExtra) as caught:
        require("no_such_library.part", "masks", "PNG masks")
    assert str(caught.value) == (
        "PNG masks need no_such_library, which is not installed: pip install 'cf-ai-platform-client[masks]'."
    )
    assert isinstance(caught.value, ImportError)
    assert caught.value.name == "no_such_library"


def test_one_that_is_broken_is_told_with_what_it_lacks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "broken_library.py").write_text("import what_it_lacks")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(MissingExtra) as caught:
        require("broken_library", "torch", "Tensors")
    assert str(caught.value) == (
        "Tensors need broken_library, which cannot be imported (No module named 'what_it_lacks'): "
        "pip install 'cf-ai-platform-client[torch]'."
    )
