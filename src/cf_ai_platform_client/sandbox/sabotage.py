"""Answers that go wrong on the wire, as a fault says."""

from __future__ import annotations

import asyncio
import socket
import struct

from aiohttp import web

from .faults import Fault

_CHUNKS_A_SECOND = 10


async def answer_with_fault(request: web.Request, response: web.StreamResponse, fault: Fault) -> web.StreamResponse:
    """Spoil an answer; `response` is the right one (an empty one for `status` and `reset`)."""
    if fault.delay:
        await asyncio.sleep(fault.delay)
    body = response.body if isinstance(response, web.Response) and isinstance(response.body, bytes) else b""
    if fault.action == "status":
        kind = "application/xml" if fault.body.startswith("<") else "application/json"
        text = fault.body or '{"message": "scripted fault"}'
        return web.Response(status=fault.status, headers={"Content-Type": kind, **fault.headers}, text=text)
    if fault.action == "reset":
        return _reset(request)
    if fault.action == "headers":
        response.headers.update(fault.headers)
        return response
    if fault.action == "altered":
        return web.Response(body=_altered(body, fault), status=response.status, headers=_kept(response))
    if fault.action == "slow":
        return await _dribble(request, response, body, fault)
    return await _cut(request, response, body, length=fault.action == "truncated")


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


async def _cut(request: web.Request, response: web.StreamResponse, body: bytes, *, length: bool) -> web.StreamResponse:
    spoiled = web.StreamResponse(status=response.status, headers=_kept(response))
    spoiled.force_close()
    if length:
        spoiled.content_length = len(body)
    await spoiled.prepare(request)
    if len(body) > 1:
        await spoiled.write(body[: len(body) // 2])
    if request.transport is not None:
        request.transport.close()
    return spoiled


async def _dribble(request: web.Request, response: web.StreamResponse, body: bytes, fault: Fault) -> web.StreamResponse:
    if fault.bytes_per_second is None:
        return response
    slow = web.StreamResponse(status=response.status, headers=_kept(response))
    slow.content_length = len(body)
    await slow.prepare(request)
    piece = max(1, int(fault.bytes_per_second / _CHUNKS_A_SECOND))
    for start in range(0, len(body), piece):
        await slow.write(body[start : start + piece])
        await asyncio.sleep(piece / fault.bytes_per_second)
    await slow.write_eof()
    return slow


def _kept(response: web.StreamResponse) -> dict[str, str]:
    dropped = {"content-length", "transfer-encoding"}
    return {name: value for name, value in response.headers.items() if name.lower() not in dropped}
