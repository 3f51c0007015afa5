from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from cf_ai_platform_client import SyncCFUserClient
from cf_ai_platform_client.sandbox import Sandbox

USERS_TESTS = """
import httpx
import pytest

ports = []


@pytest.mark.parametrize("round", [1, 2])
def test_the_sandbox(cf_sandbox, round):
    answer = httpx.get(f"{cf_sandbox.base_url}/projects/{cf_sandbox.project_id}/workItems",
                       headers={"X-API-Key": cf_sandbox.api_key})
    assert answer.json()["total"] == 36
    assert len(cf_sandbox.requests) == 1
    ports.append(cf_sandbox.port)


def test_it_is_gone_afterwards():
    assert len(ports) == 2
    with pytest.raises(httpx.ConnectError):
        httpx.get(f"http://127.0.0.1:{ports[-1]}/")


def test_that_fails(cf_sandbox):
    assert not cf_sandbox.project_id
"""


def run_pytest(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    (folder / "pytest.ini").write_text("[pytest]\nfilterwarnings = error\n", encoding="utf-8")
    line = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *arguments]
    return subprocess.run(line, cwd=folder, capture_output=True, text=True, encoding="utf-8")


def test_the_fixture_is_there_for_the_tests_of_users(tmp_path: Path) -> None:
    (tmp_path / "test_pipeline.py").write_text(USERS_TESTS, encoding="utf-8")
    run = run_pytest(tmp_path)
    assert "1 failed, 3 passed" in run.stdout, run.stdout
    assert "test_that_fails" in run.stdout
    assert run.stderr == ""


def test_the_fixture_explains_itself(tmp_path: Path) -> None:
    (tmp_path / "test_pipeline.py").write_text(USERS_TESTS, encoding="utf-8")
    run = run_pytest(tmp_path, "--fixtures")
    assert "cf_sandbox" in run.stdout
    assert "Run the platform's sandbox with its sample project of 36 work items" in run.stdout


def test_those_who_do_not_use_it_do_not_pay_for_it(tmp_path: Path) -> None:
    test = "import sys\n\ndef test_imports():\n    assert not {'aiohttp', 'httpx', 'pydantic'} & set(sys.modules)\n"
    (tmp_path / "test_other.py").write_text(test, encoding="utf-8")
    run = run_pytest(tmp_path)
    assert "1 passed" in run.stdout, run.stdout


@pytest.mark.parametrize("time", [1, 2])
def test_each_test_has_a_sandbox_of_its_own(cf_sandbox: Sandbox, tmp_path: Path, time: int) -> None:
    with SyncCFUserClient(cf_sandbox.api_key, cf_sandbox.base_url) as client:
        summary = client.download_project(cf_sandbox.project_id, cf_sandbox.space_id, tmp_path)
    assert summary.successful == cf_sandbox.counts["storage"] == 36
