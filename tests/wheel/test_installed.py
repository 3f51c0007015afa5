"""What `.ci/wheel` runs against the built wheel, in a fresh environment and away from the checkout."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import subprocess
import sys
import sysconfig
from importlib import resources
from pathlib import Path
from typing import Any

import pytest

import cf_ai_platform_client

DISTRIBUTION = importlib.metadata.distribution("cf-ai-platform-client")
FILES = {str(file).replace("\\", "/") for file in DISTRIBUTION.files or ()}
PACKAGE = Path(str(cf_ai_platform_client.__file__)).parent
SITE = Path(sysconfig.get_path("purelib"))

CHECKOUT = Path(__file__).parents[2] / "pyproject.toml"

pytestmark = pytest.mark.skipif(CHECKOUT.exists(), reason="for the built wheel: .ci/wheel runs it away from here")
EXTRAS = {
    "speed",
    "webhooks",
    "images",
    "masks",
    "tables",
    "pandas",
    "polars",
    "torch",
    "supervision",
    "huggingface",
    "fiftyone",
}


def test_it_is_imported_from_the_installed_wheel() -> None:
    assert PACKAGE == SITE / "cf_ai_platform_client"
    assert not any((Path(entry) / "pyproject.toml").exists() for entry in sys.path)


def test_the_wheel_holds_the_package_and_nothing_else() -> None:
    info = f"cf_ai_platform_client-{DISTRIBUTION.version}.dist-info"
    installed = {name for name in FILES if not name.endswith((".pyc", "bin/cf-ai", "cf-ai.exe"))}
    assert {name.split("/")[0] for name in installed} == {"cf_ai_platform_client", info}
    assert not [name for name in installed if "test" in name.lower() and not name.endswith("/pytest_plugin.py")]


def test_it_is_typed() -> None:
    assert "cf_ai_platform_client/py.typed" in FILES


def test_the_sample_comes_with_its_attribution() -> None:
    data = resources.files("cf_ai_platform_client.sandbox").joinpath("data")
    text = data.joinpath("README.md").read_text(encoding="utf-8")
    assert all(source in text for source in ("NeonTreeEvaluation", "BBBC038v1", "MIT", "BSD-3-Clause", "CC0"))
    assert len([name for name in FILES if "/sandbox/data/coco/" in name and name.endswith(".json")]) == 36


def test_the_metadata_is_complete() -> None:
    metadata = DISTRIBUTION.metadata
    assert DISTRIBUTION.version == cf_ai_platform_client.__version__
    assert metadata["License-Expression"] == "MIT"
    assert metadata.get_all("License-File") == ["LICENSE"]
    assert [name for name in FILES if name.endswith("/licenses/LICENSE")]
    assert metadata["Requires-Python"] == ">=3.10"
    assert "# cf-ai-platform-client" in str(metadata.get_payload())
    assert set(metadata.get_all("Provides-Extra") or ()) == EXTRAS


def test_nothing_is_required_that_is_not_there() -> None:
    for module in ("aiohttp", "anyio", "click", "httpx", "msgspec", "platformdirs", "pydantic", "tqdm"):
        assert importlib.util.find_spec(module)


@pytest.mark.parametrize(
    ("group", "name", "value"),
    [
        ("console_scripts", "cf-ai", "cf_ai_platform_client.cli.main:main"),
        ("pytest11", "cf_ai_platform_client", "cf_ai_platform_client.sandbox.pytest_plugin"),
    ],
)
def test_its_entry_points_are_there(group: str, name: str, value: str) -> None:
    (found,) = [entry for entry in DISTRIBUTION.entry_points if entry.group == group]
    assert (found.name, found.value) == (name, value)
    assert found.load()


def test_the_command_line_answers() -> None:
    command = next(Path(sysconfig.get_path("scripts")).glob("cf-ai*"))
    done = subprocess.run([str(command), "--version"], capture_output=True, text=True, check=True)
    assert done.stdout == f"cf-ai, version {cf_ai_platform_client.__version__}\n"


def test_a_download_from_the_sandbox_works(cf_sandbox: Any, tmp_path: Path) -> None:
    with cf_ai_platform_client.SyncCFUserClient(cf_sandbox.api_key, cf_sandbox.base_url) as client:
        summary = client.download_project(cf_sandbox.project_id, cf_sandbox.space_id, tmp_path)
    assert (summary.successful, summary.failed) == (36, 0)
    assert len(list(tmp_path.rglob("*.json"))) == 36
