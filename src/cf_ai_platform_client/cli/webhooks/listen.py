"""`cf-ai webhooks listen`."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
from datetime import timezone
from typing import TYPE_CHECKING, Any

import click

from ..exits import Ended, Interrupted, complain, say
from ..logs import verbosity
from ..options import JSONOutput
from .options import make_verifier, signing_keys, tolerance_option

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine
    from contextlib import AbstractContextManager

    from ...webhooks import DeliveryStore, WebhookEvent

    Handle = Callable[[WebhookEvent], Coroutine[Any, Any, None]]

_GRACE = 3.0
"""Seconds for the commands that run to end; a second later this process would be ended."""


class CommandFailed(Exception):
    """What `--exec` ran did not end with 0."""


@click.command()
@click.option("--port", type=click.IntRange(0, 65535), default=8000, show_default=True, help="0 takes a free one.")
@click.option("--host", default="127.0.0.1", show_default=True, metavar="ADDRESS", help="Where to listen.")
@signing_keys
@tolerance_option("300", "Seconds that the timestamp of a delivery may be off, or off.")
@click.option(
    "--store",
    "store_file",
    type=click.Path(dir_okay=False),
    metavar="FILE",
    help="Remember deliveries there: what was not handled is handled at the next start.",
)
@click.option(
    "--exec", "program", metavar="COMMAND", help="Run this for each, in a shell, the event as JSON on its stdin."
)
@click.option("--at-once", type=click.IntRange(1), default=1, show_default=True, help="Commands that run at a time.")
@click.option(
    "--attempts",
    type=click.IntRange(1),
    default=3,
    show_default=True,
    help="Starts that a COMMAND may fail, or die with.",
)
@JSONOutput
@verbosity
def command(
    port: int,
    host: str,
    store_file: str | None,
    program: str | None,
    at_once: int,
    attempts: int,
    as_json: bool,
    **keys: Any,
) -> None:
    """Receive deliveries until Ctrl-C or SIGTERM, which both exit with 0; write one line for each.

    A delivery that comes again is not handled again. One that is refused is told on standard error. A COMMAND that
    does not exit with 0 is tried again at the next start, --attempts times in all, and then given up: it stays in the
    store, for a start with more attempts. It speaks plain HTTP: for deliveries
    from outside, put a server that speaks HTTPS in front.

    \b
    Examples:
      cf-ai webhooks listen --port 8000
      cf-ai webhooks listen --store deliveries.sqlite3 --exec 'jq -r .workItemID >> done.txt'
    """
    verifier, count = make_verifier(**keys), 0

    async def handle(event: WebhookEvent) -> None:
        nonlocal count
        count += 1
        say(_line(event, as_json=as_json))
        if program is not None:
            await _run(program, event.body)

    from ..running import run

    try:
        with _store(store_file) as store:
            run(lambda: _serve(handle, host, port, verifier=verifier, store=store, at_once=at_once, attempts=attempts))
    except Interrupted:
        complain(_stopped_after(count))
        raise Ended(0) from None


async def _serve(handle: Handle, host: str, port: int, **options: Any) -> None:
    from ...errors import CFError
    from ...webhooks import serve

    def listening(found: int) -> None:
        complain(f"Listening for deliveries on http://{host}:{found}/; Ctrl-C stops it.")

    try:
        await serve(
            handle,
            host=host,
            port=port,
            grace=_GRACE,
            on_listening=listening,
            **options,
        )
    except OSError as error:
        if isinstance(error, CFError):
            raise
        reason = os.strerror(error.errno).lower() if error.errno and error.errno > 0 else "there is no such address"
        raise click.UsageError(f"Nothing can listen on port {port} of {host}: {reason}.") from None


async def _run(program: str, body: bytes) -> None:
    """Run a command in a shell; where this is cancelled it is ended, too."""
    process = await asyncio.create_subprocess_shell(program, stdin=asyncio.subprocess.PIPE)
    try:
        await _feed(process.stdin, body)
        await process.wait()
    finally:
        if process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                process.terminate()
            await process.wait()
    if process.returncode:
        raise CommandFailed(f"the command ended with exit code {process.returncode}")


async def _feed(stdin: asyncio.StreamWriter | None, body: bytes) -> None:
    """Write to a command, which may not read it, or have ended already (of which uvloop makes a RuntimeError)."""
    if stdin is not None:
        with contextlib.suppress(OSError, RuntimeError):
            stdin.write(body)
            await stdin.drain()
        with contextlib.suppress(OSError, RuntimeError):
            stdin.close()


def _store(file: str | None) -> AbstractContextManager[DeliveryStore]:
    from ...webhooks import MemoryStore, SQLiteStore

    return contextlib.nullcontext(MemoryStore()) if file is None else SQLiteStore(file)


def _stopped_after(count: int) -> str:
    return f"\nStopped after {count:,} {'delivery' if count == 1 else 'deliveries'}."


def _line(event: WebhookEvent, *, as_json: bool) -> str:
    from ...core.redaction import printable

    if as_json:
        return json.dumps(json.loads(event.body))
    when = event.updated_at.astimezone(timezone.utc).strftime("%Y-%m-%d %H:%M:%SZ")
    return f"{when}  {printable(event.status)}  {printable(event.work_item_id)}"
