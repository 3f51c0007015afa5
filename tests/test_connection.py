from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from cf_ai_platform_client import CFUserClient
from cf_ai_platform_client.sandbox import Sandbox


def test_one_client_serves_several_event_loops(cf_sandbox: Sandbox, tmp_path: Path) -> None:
    client = CFUserClient(cf_sandbox.api_key, cf_sandbox.base_url)

    async def twice() -> int:
        async with client:
            runs = [client.download_project("sample-project", "sample-space", tmp_path / str(n)) for n in range(2)]
            return sum(summary.successful for summary in await asyncio.gather(*runs))

    assert asyncio.run(twice()) == asyncio.run(twice()) == 72


def test_connections_are_kept_inside_a_with_block(cf_sandbox: Sandbox) -> None:
    async def read() -> None:
        async with CFUserClient(cf_sandbox.api_key, cf_sandbox.base_url) as client:
            await client.list_batches("sample-project")
            await client.close()
            await client.list_batches("sample-project")

    asyncio.run(read())
    assert cf_sandbox.counts["batches"] == 2


@pytest.mark.parametrize("key", ["", "  ", "two words", "line\nbreak", "ключ", None])
def test_a_key_that_is_none_is_refused_without_echo(key: Any) -> None:
    with pytest.raises(ValueError, match="api_key") as caught:
        CFUserClient.create_with_api_key(key)
    assert not key or not key.strip() or key not in str(caught.value)


def test_the_key_is_stripped_and_hidden() -> None:
    client = CFUserClient.create_with_api_key(" canary \n", base_url="https://x.example/api/")
    assert (client.api_key, client.base_url) == ("canary", "https://x.example/api")
    assert "canary" not in f"{client!r} {vars(client)}"
    assert CFUserClient("k").base_url == CFUserClient.BASE_URL


def test_plain_http_to_elsewhere_draws_a_warning() -> None:
    with pytest.warns(UserWarning, match="travels unencrypted"):
        CFUserClient("k", "http://platform.example/api/v1")


def test_from_env_reads_the_environment(cf_sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CF_API_KEY", cf_sandbox.api_key)
    monkeypatch.setenv("CF_PLATFORM_BASE_URL", cf_sandbox.base_url)
    assert len(asyncio.run(CFUserClient.from_env().list_batches("sample-project"))) == 4
