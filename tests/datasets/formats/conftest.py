from __future__ import annotations

from pathlib import Path

import pytest

from ..hostile import build, clean
from ..sample import lay_sample


@pytest.fixture(scope="session")
def sample_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The sample project, with images; tests only read it."""
    return lay_sample(tmp_path_factory.mktemp("sample"))


@pytest.fixture(scope="session")
def hostile_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The whole hostile collection; tests only read it."""
    folder = tmp_path_factory.mktemp("hostile")
    build(folder)
    return folder


@pytest.fixture(scope="session")
def clean_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What of the hostile collection can all be used; tests only read it."""
    folder = tmp_path_factory.mktemp("clean")
    clean(folder)
    return folder
