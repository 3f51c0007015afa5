from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager

import httpx
import pytest

from cf_ai_platform_client.sandbox import Sandbox

PROJECT = "/projects/sample-project"
WORK_ITEMS = f"{PROJECT}/workItems"
BATCHES = f"{PROJECT}/batches"
SIGNED_URLS = "/spaces/sample-space/signedurls"
NUCLEUS = "6953e677-644a-514b-9e68-57e50e87f1e4"
DOCUMENT = f"coco_output/{NUCLEUS}.json"


@contextmanager
def visit(sandbox: Sandbox, *, key: str | None = None) -> Iterator[httpx.Client]:
    """Call a sandbox's API with its key, or another one."""
    headers = {"X-API-Key": sandbox.api_key if key is None else key}
    with httpx.Client(base_url=sandbox.base_url, headers=headers, verify=False) as client:
        yield client


@pytest.fixture
def api(cf_sandbox: Sandbox) -> Iterator[httpx.Client]:
    """The API of the test's sandbox, with the key."""
    with visit(cf_sandbox) as client:
        yield client


@pytest.fixture
def web() -> Iterator[httpx.Client]:
    """Anybody, without a key."""
    with httpx.Client(verify=False) as client:
        yield client


def sign(api: httpx.Client, path: str = DOCUMENT) -> str:
    """Have one path signed."""
    (answer,) = api.post(SIGNED_URLS, json={"paths": [path]}).raise_for_status().json()["items"]
    assert answer["path"] == path
    return str(answer["signedUrl"])


def send(sandbox: Sandbox, path: str) -> socket.socket:
    """Send a request over a connection of its own; storage paths go without the key."""
    key = "" if path.startswith("/storage/") else f"X-API-Key: {sandbox.api_key}\r\n"
    connection = socket.create_connection(("127.0.0.1", sandbox.port), timeout=30)
    connection.sendall(f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n{key}\r\n".encode())
    return connection


def talk(sandbox: Sandbox, path: str = f"/api/v1{BATCHES}") -> tuple[str, bytes]:
    """Send a request and return head and body, as they had come when the connection was closed."""
    received = b""
    with send(sandbox, path) as connection:
        while piece := connection.recv(65536):
            received += piece
    head, _, body = received.partition(b"\r\n\r\n")
    return head.decode(), body
