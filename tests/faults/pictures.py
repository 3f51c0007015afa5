"""Projects with assets, and the images in them: small, and whole as far as a header and an end can tell."""

from __future__ import annotations

import gzip
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from cf_ai_platform_client import CFUserClient
from cf_ai_platform_client.adapters.http import Http
from cf_ai_platform_client.adapters.runtime import Runtime
from cf_ai_platform_client.core.addresses import AddressRules
from cf_ai_platform_client.core.redaction import Secret
from cf_ai_platform_client.errors import CFError
from cf_ai_platform_client.events import AssetFailed
from cf_ai_platform_client.sandbox import Sandbox
from cf_ai_platform_client.sandbox.project import Project
from cf_ai_platform_client.settings import Limits

from .projects import made
from .promise import KEY, Kept

Items = dict[str, int | None]

FOUR: Items = {"a": 1, "b": 1, "c": 2, "d": None}
BATCHES = {1: "one", 2: "two"}
FOLDERS = {"a": "one", "b": "one", "c": "two", "d": "Default"}
PAGE = b"<!DOCTYPE html><html><body>Sign in</body></html>"
_EXIF = b"Exif\0\0" + b"thumbnail\xff\xd9" * 9


def jpeg(text: str = "", size: int = 0) -> bytes:
    """Make the outline of a JPEG: a header with a thumbnail's end in it, the beginning of pixels, an end."""
    header = b"\xff\xd8\xff\xe1" + (len(_EXIF) + 2).to_bytes(2, "big") + _EXIF
    return header + b"\xff\xda\0\x08\x01\x01\0\0\x3f\0" + text.encode() + bytes(size) + b"\xff\xd9"


PICTURES = {item: jpeg(f"of {item}") for item in FOUR}


def pictured(pictures: Mapping[str, bytes] = PICTURES, items: Items = FOUR, **more: Any) -> Project:
    """Make a project whose items have these assets, at `assets/NUMBER.jpg`; an item that has none names none."""
    project = made(items, BATCHES, **more)
    listed = [{**item, "assetType": "image"} for item in project.items]
    for item in listed:
        if item["id"] not in pictures:
            item["assetUrl"] = None
    files = {item["assetUrl"]: pictures[item["id"]] for item in listed if item["assetUrl"]}
    return replace(project, items=listed, documents={**project.documents, **files})


def with_urls(project: Project, urls: Mapping[str, str | None], **more: bytes) -> Project:
    """Change where some items have their assets; `more` are files of the space."""
    items = [{**item, "assetUrl": urls.get(item["id"], item["assetUrl"])} for item in project.items]
    return replace(project, items=items, documents={**project.documents, **more})


def assets_in(destination: Path) -> dict[str, bytes]:
    """Return what is beside the documents, by its path."""
    found = [path for path in destination.rglob("*") if path.is_file() and ".cf-ai" not in path.parts]
    return {path.relative_to(destination).as_posix(): path.read_bytes() for path in found if path.suffix != ".json"}


def expected(pictures: Mapping[str, bytes] = PICTURES, extension: str = ".jpg") -> dict[str, bytes]:
    return {f"{FOLDERS[item]}/{item}{extension}": content for item, content in pictures.items()}


def failures_of(kept: Kept) -> dict[str, str]:
    """Return the codes of the assets that failed, by item."""
    return {event.item_id: event.code for event in kept.events if isinstance(event, AssetFailed)}


def counts_of(kept: Kept) -> tuple[int, int, int, int]:
    """Return how many assets were fetched, skipped, failed, not attempted."""
    error = kept.error
    summary = kept.summary or (error.summary if isinstance(error, CFError) else None)
    assert summary is not None
    assert summary.assets is not None
    done = summary.assets
    return done.successful - done.skipped, done.skipped, done.failed, done.not_attempted


def guarded(sandbox: Sandbox, runtime: Runtime) -> CFUserClient:
    """Make a client that reaches the sandbox only because it is allowed to, as one of production would."""
    client = CFUserClient(sandbox.api_key, sandbox.base_url, runtime=runtime)
    rules = AddressRules(trusting=False, allowed_hosts=frozenset({"127.0.0.1"}))
    client._http = Http(Secret(KEY), sandbox.base_url, rules, Limits(), runtime)
    return client


def zipped(content: bytes) -> bytes:
    return gzip.compress(content, mtime=0)
