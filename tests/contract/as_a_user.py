"""What users of either client write, so that one file runs with both: orders come in as JSON, answers go out so."""

from __future__ import annotations

import asyncio
import importlib.metadata
import inspect
import json
import os
import sys
from enum import Enum
from typing import Any

import httpx
from pydantic import BaseModel

import cf_ai_platform_client
from cf_ai_platform_client import CFUserClient, DownloadSummary, SyncCFUserClient, models


def answer(order: dict[str, Any]) -> dict[str, Any]:
    """Carry out one order: `kind` is sync, async or describe; `arguments` and `more` are the call's."""
    if order["kind"] == "describe":
        return describe()
    download = download_blocking if order["kind"] == "sync" else download_async
    try:
        summary = download(order)
    except httpx.HTTPStatusError as error:
        return {"raised": "httpx.HTTPStatusError", "status": error.response.status_code}
    except ValueError:
        return {"raised": "ValueError"}
    destination = order["arguments"][2]
    results = [
        {
            "item_id": result.item_id,
            "batch_id": result.batch_id,
            "success": result.success,
            "file_path": result.file_path and os.path.relpath(result.file_path, destination),
        }
        for result in summary.results
    ]
    counts = {"total_items": summary.total_items, "successful": summary.successful, "failed": summary.failed}
    return {**counts, "results": results}


def download_blocking(order: dict[str, Any]) -> DownloadSummary:
    with SyncCFUserClient.create_with_api_key(order["key"], base_url=order["base_url"]) as client:
        return client.download_project(*order["arguments"], **order["more"])


def download_async(order: dict[str, Any]) -> DownloadSummary:
    async def run() -> DownloadSummary:
        async with CFUserClient.create_with_api_key(order["key"], base_url=order["base_url"]) as client:
            return await client.download_project(*order["arguments"], **order["more"])

    return asyncio.run(run())


def describe() -> dict[str, Any]:
    """Tell the public names, the signatures and the fields of the models."""
    classes = {name: value for name, value in vars(models).items() if inspect.isclass(value)}
    public = {name: value for name, value in classes.items() if value.__module__ == models.__name__ and name[0] != "_"}
    return {
        "version": importlib.metadata.version("cf-ai-platform-client"),
        "names": list(cf_ai_platform_client.__all__),
        "attributes": {cls.__name__: sorted(vars(cls("key"))) for cls in (CFUserClient, SyncCFUserClient)},
        "base_url": {"BASE_URL": CFUserClient.BASE_URL, "base_url": CFUserClient("key").base_url},
        "methods": {cls.__name__: methods(cls) for cls in (CFUserClient, SyncCFUserClient)},
        "models": {name: fields(value) for name, value in public.items() if issubclass(value, BaseModel)},
        "enums": {
            name: {member.name: member.value for member in value}
            for name, value in public.items()
            if issubclass(value, Enum)
        },
    }


def methods(cls: type) -> dict[str, Any]:
    special = {"__init__", "__enter__", "__exit__", "__aenter__", "__aexit__"}
    names = [name for name in dir(cls) if name in special or name[0] != "_"]
    found = {name: getattr(cls, name) for name in names if callable(getattr(cls, name))}
    return {name: {"async": inspect.iscoroutinefunction(value), "takes": takes(value)} for name, value in found.items()}


def takes(function: Any) -> list[list[str]]:
    parameters = inspect.signature(function).parameters.values()
    return [
        [parameter.name, parameter.kind.name, "" if parameter.default is parameter.empty else repr(parameter.default)]
        for parameter in parameters
    ]


def fields(model: type[BaseModel]) -> dict[str, str | None]:
    return {name: field.alias for name, field in model.model_fields.items()}


if __name__ == "__main__":
    print(json.dumps([answer(order) for order in json.load(sys.stdin)]))
