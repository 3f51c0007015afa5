"""D6, D7 and what reruns cost: requests are counted by the server."""

from __future__ import annotations

from pathlib import Path

import pytest

from cf_ai_platform_client.sandbox import Sandbox

from .promise import KEY, client_of, documents_of, run


@pytest.fixture
def destination(tmp_path: Path) -> Path:
    return tmp_path / "out"


def test_d6_a_rerun_with_nothing_changed_asks_the_storage_nothing(destination: Path) -> None:
    with Sandbox(items=150, api_key=KEY) as sandbox:
        sources = documents_of(sandbox)
        assert run(client_of(sandbox), destination, expected=sources).counts() == (150, 0, 0, 0)
        before = sandbox.counts
        again = run(client_of(sandbox), destination, expected=sources)
        assert again.counts() == (0, 150, 0, 0)
        assert sandbox.counts - before == {"work_items": 2, "batches": 1}
    assert [result.skipped for result in again.summary.results] == [True] * 150  # type: ignore[union-attr]
