"""One export of some GB: rate, memory and how late the event loop is, beside `curl -o` of the same URL.

    python benchmarks/export.py [GB] [ROUNDS] [FOLDER]

The zip holds one stored member of zeros; a process of its own makes it while it is sent, from memory.
"""

from __future__ import annotations

import asyncio
import json
import statistics
import struct
import subprocess
import sys
import tempfile
import time
import zlib
from pathlib import Path

from cf_ai_platform_client import CFUserClient

EXPORT = "11111111-2222-4333-8444-555555555555"
_PIECE = bytes(1 << 20)
_LONG = 0xFFFFFFFF


class Zip:
    """A zip64 file of one stored member of zeros, in pieces."""

    def __init__(self, size: int) -> None:
        name, self._pieces, crc = b"zeros.bin", size // len(_PIECE), 0
        size = self._pieces * len(_PIECE)
        for _ in range(self._pieces):
            crc = zlib.crc32(_PIECE, crc)
        wide, lengths = struct.pack("<HHQQ", 1, 16, size, size), (len(name), 20)
        self._head = struct.pack("<4s5H3L2H", b"PK\3\4", 45, 0, 0, 0, 33, crc, _LONG, _LONG, *lengths) + name + wide
        entry = struct.pack("<4s6H3L", b"PK\1\2", 45, 45, 0, 0, 0, 33, crc, _LONG, _LONG)
        directory = entry + struct.pack("<5H2L", *lengths, 0, 0, 0, 0, 0) + name + wide
        offset = len(self._head) + size
        end64 = struct.pack("<4sQ2H2L4Q", b"PK\6\6", 44, 45, 45, 0, 0, 1, 1, len(directory), offset)
        locator = struct.pack("<4sLQL", b"PK\6\7", 0, offset + len(directory), 1)
        end = struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, 1, 1, _LONG, _LONG, 0)
        self._tail = directory + end64 + locator + end
        self.size = offset + len(self._tail)

    async def send(self, writer: asyncio.StreamWriter) -> None:
        """Send it all."""
        writer.write(self._head)
        for _ in range(self._pieces):
            writer.write(_PIECE)
            await writer.drain()
        writer.write(self._tail)
        await writer.drain()


async def serve(gigabytes: float) -> None:
    """Answer with the export and with its file; print the port."""
    file = Zip(int(gigabytes * 1e9))

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                if b"/storage/" in head.partition(b"\r\n")[0]:
                    writer.write(f'HTTP/1.1 200 OK\r\nETag: "big"\r\nContent-Length: {file.size}\r\n\r\n'.encode())
                    await file.send(writer)
                    continue
                url = f"http://127.0.0.1:{port}/storage/{EXPORT}.zip?X-Amz-Signature=0123456789abcdef"
                body = json.dumps({"exportId": EXPORT, "status": "COMPLETED", "downloadUrl": url}).encode()
                writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    print(port, flush=True)
    await server.serve_forever()


def resident() -> float:
    """Return the memory of this process in MB; Linux only."""
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith("VmRSS"))


async def download(port: int, folder: str) -> tuple[float, float, float]:
    """Return MB a second, MB of memory above start, and by how many ms the event loop was late at most."""
    start, most, late = resident(), 0.0, 0.0

    async def watch() -> None:
        nonlocal most, late
        while True:
            before = time.perf_counter()
            await asyncio.sleep(0.005)
            late = max(late, time.perf_counter() - before - 0.005)
            most = max(most, resident() - start)

    watching = asyncio.ensure_future(watch())
    began = time.perf_counter()
    async with CFUserClient("bench-key", f"http://127.0.0.1:{port}/api/v1") as client:
        path = Path(await client.download_export_file("space", EXPORT, folder, progress=False))
    elapsed = time.perf_counter() - began
    watching.cancel()
    return path.stat().st_size / 1e6 / elapsed, most, late * 1000


def curl(port: int, folder: str) -> float:
    """Return the MB a second of curl."""
    target, began = Path(folder) / "curl.zip", time.perf_counter()
    subprocess.run(["curl", "-s", "-o", target, f"http://127.0.0.1:{port}/storage/x.zip"], check=True)
    return target.stat().st_size / 1e6 / (time.perf_counter() - began)


def main(gigabytes: float = 8.0, rounds: int = 3, where: str | None = None) -> None:
    """Measure, in turn."""
    server = subprocess.Popen([sys.executable, __file__, "serve", str(gigabytes)], stdout=subprocess.PIPE)
    assert server.stdout is not None
    port = int(server.stdout.readline())
    ours: list[tuple[float, float, float]] = []
    theirs: list[float] = []
    try:
        for _ in range(rounds):
            with tempfile.TemporaryDirectory(dir=where) as folder:
                ours.append(asyncio.run(download(port, folder)))
            with tempfile.TemporaryDirectory(dir=where) as folder:
                theirs.append(curl(port, folder))
            rate, memory, late = ours[-1]
            print(
                f"{rate:.0f} MB/s, {memory:.0f} MB above start, loop late by {late:.0f} ms; curl {theirs[-1]:.0f} MB/s"
            )
    finally:
        server.terminate()
        server.wait()
    rate, memory, late = (statistics.median(column) for column in zip(*ours, strict=True))
    share = rate / statistics.median(theirs)
    print(f"medians: {rate:.0f} MB/s, {share:.2f} of curl's rate, {memory:.0f} MB above start, late by {late:.0f} ms")


if __name__ == "__main__":
    if sys.argv[1:2] == ["serve"]:
        asyncio.run(serve(float(sys.argv[2])))
    else:
        main(*(convert(value) for convert, value in zip((float, int, str), sys.argv[1:], strict=False)))
