"""The fixture `cf_sandbox` for the tests of this package's users."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from .server import Sandbox


@pytest.fixture
def cf_sandbox() -> Iterator[Sandbox]:
    """Run the platform's sandbox with its sample project of 36 work items, a fresh one for each test.

    def test_download(cf_sandbox, tmp_path):
        with SyncCFUserClient(cf_sandbox.api_key, cf_sandbox.base_url) as client:
            client.download_project(cf_sandbox.project_id, cf_sandbox.space_id, tmp_path)
        assert cf_sandbox.counts["storage"] == 36
    """
    from .server import Sandbox

    with Sandbox() as sandbox:
        yield sandbox
