"""Answers that go wrong on the wire, as a fault says."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct

from aiohttp import web

from .faults import Fault

_CHUNKS_A_SECOND = 10


async def answer_with_fault(request: web.Request, response: web.StreamResponse, fault: Fault) -> web.StreamResponse:
    """Spoil an answer, or put another in its place; `response` is the right one."""
    if fault.delay:
        await asyncio.sleep(fault.delay)
    body = response.body if isinstance(response, web.Response) and isinstance(response.body, bytes) else b""
    if fault.action == "status":
        kind = "application/xml" if fault.body.startswith("<") else "application/json"
        text = fault.body or '{"message": "scripted fault"}'
        answer = web.Response(status=fault.status, content_type=kind, text=text)
        answer.headers.update(fault.headers)
        return answer
    if fault.action == "reset":
        return _reset(request)
    if fault.action == "headers":
        response.headers.update(fault.headers)
        return response
    if fault.action == "altered":
        return web.Response(body=_altered(body, fault), status=response.status, headers=_kept(response))
    if fault.action == "slow":
        return await _dribble(request, response, body, fault)
    return _cut(request, response, body, length=fault.action == "truncated")


def _altered(body: bytes, fault: Fault) -> bytes:
    if fault.body or not body:
        return fault.body.encode()
    middle = len(body) // 2
    return body[:middle] + bytes([body[middle] ^ 1]) + body[middle + 1 :]


def _reset(request: web.Request) -> web.StreamResponse:
    transport = request.transport
    if transport is not None:
        connection = transport.get_extra_info("socket")
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        transport.abort()
    return web.Response()


def _cut(request: web.Request, response: web.StreamResponse, body: bytes, *, length: bool) -> web.StreamResponse:
    headers = {**_kept(response), "Connection": "close", **({"Content-Length": str(len(body))} if length else {})}
    head = [f"HTTP/1.1 {response.status} {response.reason}", *(f"{name}: {value}" for name, value in headers.items())]
    if request.transport is not None:  # aiohttp would send it chunked, which ends with a mark
        request.transport.write("\r\n".join((*head, "", "")).encode() + body[: len(body) // 2])
        request.transport.close()
    return web.Response(status=response.status)


async def _dribble(request: web.Request, response: web.StreamResponse, body: bytes, fault: Fault) -> web.StreamResponse:
    if fault.bytes_per_second is None:
        return response
    slow = web.StreamResponse(status=response.status, headers=_kept(response))
    slow.content_length = len(body)
    piece = max(1, int(fault.bytes_per_second / _CHUNKS_A_SECOND))
    with contextlib.suppress(ConnectionError):  # who waits too long leaves
        await slow.prepare(request)
        for start in range(0, len(body), piece):
            await asyncio.sleep(piece / fault.bytes_per_second if start else 0)
            await slow.write(body[start : start + piece])
        await slow.write_eof()
    return slow


def _kept(response: web.StreamResponse) -> dict[str, str]:
    dropped = {"content-length", "transfer-encoding"}
    return {name: value for name, value in response.headers.items() if name.lower() not in dropped}
