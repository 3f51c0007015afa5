"""What users of either client write, so that one file runs with both: orders come in as JSON, answers go out so."""

from __future__ import annotations

import asyncio
import importlib.metadata
import inspect
import json
import os
import sys
from enum import Enum
from pathlib import Path
from typing import Any

import httpx
from pydantic import BaseModel

import cf_ai_platform_client
from cf_ai_platform_client import CFUserClient, DownloadSummary, SyncCFUserClient, models


def answer(order: dict[str, Any]) -> dict[str, Any]:
    """Carry out one order: `kind` is sync, async, exports or describe; `arguments` and `more` are the call's."""
    if order["kind"] == "describe":
        return describe()
    if order["kind"] == "exports":
        return {"answers": exports(order)}
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


def exports(order: dict[str, Any]) -> list[Any]:
    """Make the calls of an order, each a method and its keyword arguments, and tell what each one gave.

    An `export_id` may be the number of the call that made the export; with `enums`, formats and contents are members.
    """
    blocking = order["style"] == "sync"
    loop = asyncio.new_event_loop()
    client = (SyncCFUserClient if blocking else CFUserClient).create_with_api_key(order["key"], order["base_url"])
    answers: list[Any] = []
    try:
        for method, arguments in order["calls"]:
            try:
                result = getattr(client, method)(**as_written(arguments, answers, order["enums"]))
                answers.append(told(result if blocking else loop.run_until_complete(result)))
            except (httpx.HTTPStatusError, TimeoutError, ValueError, TypeError) as error:
                answers.append(raised(error))
    finally:
        closed = client.close()
        if closed is not None:
            loop.run_until_complete(closed)
        loop.close()
    return answers


def as_written(arguments: dict[str, Any], answers: list[Any], enums: bool) -> dict[str, Any]:
    written = dict(arguments)
    if isinstance(written.get("export_id"), int):
        written["export_id"] = answers[written["export_id"]]["export_id"]
    if enums:
        kinds = {"export_format": models.ExportFormat, "content": models.ExportContent}
        written |= {name: kind(written[name]) for name, kind in kinds.items() if name in written}
    return written


def told(result: Any) -> Any:
    """Make what a call returned fit for JSON; of a URL only whether it is there, of a path only its last part."""
    if isinstance(result, models.ExportListResponse):
        meta = result.meta
        assert meta is not None
        names = ("object", "limit", "page", "cursor_next", "cursor_prev")
        return {"items": [told(item) for item in result.items], "meta": {name: getattr(meta, name) for name in names}}
    if isinstance(result, models.ExportResponse):
        enums = {name: getattr(result, name).value for name in ("status", "format", "content")}
        texts = {name: getattr(result, name) for name in ("name", "created_by", "error", "created_at")}
        return {"export_id": str(result.export_id), **enums, **texts, "has_url": bool(result.download_url)}
    return Path(result).name if isinstance(result, str) else result


def raised(error: BaseException) -> dict[str, Any]:
    if isinstance(error, httpx.HTTPStatusError):
        return {"raised": "httpx.HTTPStatusError", "status": error.response.status_code}
    names = [kind.__name__ for kind in (TimeoutError, ValueError, TypeError) if isinstance(error, kind)]
    return {"raised": names[0]}


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
