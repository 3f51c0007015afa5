"""`cf-ai sandbox`."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

import click

from .exits import Ended, complain, say
from .logs import verbosity

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..sandbox import Fault, Sandbox


@click.command()
@click.option("--port", type=click.IntRange(0, 65535), default=8080, show_default=True, help="0 takes a free one.")
@click.option("--items", type=click.IntRange(0), metavar="N", help="Serve N work items: the sample's 36, repeated.")
@click.option(
    "--latency", type=click.FloatRange(0), default=0, metavar="MS", help="Milliseconds more for every answer."
)
@click.option("--faults", metavar="SPEC", help="What goes wrong: storm, or a TOML file of [[fault]] rows.")
@click.option("--seed", type=int, default=0, show_default=True, help="Chooses where faults with a rate strike.")
@click.option("--webhook", metavar="URL", help="Deliver a webhook there when a work item's status is changed.")
@verbosity
def command(port: int, items: int | None, latency: float, faults: str | None, seed: int, webhook: str | None) -> None:
    """Run the platform's API on 127.0.0.1, with sample data, until Ctrl-C or SIGTERM, which both exit with 0.

    \b
    Examples:
      cf-ai sandbox
      cf-ai sandbox --items 100000 --latency 40
      cf-ai sandbox --faults storm --seed 7
      cf-ai sandbox --webhook http://127.0.0.1:9000/
    \b
    A TOML file of faults has rows like this one:
      [[fault]]
      endpoint = "storage"   # work_items, batches, annotations, signed_urls, exports, jwks, *
      rate = 0.1             # or nth = 3, or nth = [1, 2], or every request
      action = "truncated"   # status, headers, reset, close_delimited, slow, altered
    """
    from ..sandbox import Sandbox

    rows = _load(faults)
    try:
        sandbox = Sandbox(
            port=port,
            items=items,
            latency=latency / 1000,
            faults=rows,
            seed=seed,
            record=False,
            webhook_url=webhook,
        )
    except ImportError as error:
        raise click.UsageError(f"{error}.") from None
    try:
        sandbox.start()
    except OSError as error:
        raise click.UsageError(error.strerror or str(error)) from None
    try:
        _introduce(sandbox, webhook)
        sandbox.wait()
    except KeyboardInterrupt:
        complain(f"\nStopped after {sandbox.counts.total():,} requests.")
        raise Ended(0) from None
    finally:
        sandbox.stop()


def _load(spec: str | None) -> Sequence[Fault]:
    from ..sandbox.faults import load

    try:
        return load(spec) if spec else ()
    except OSError as error:
        raise click.UsageError(f"The faults in {spec} cannot be read: {error.strerror}.") from None


def _introduce(sandbox: Sandbox, webhook: str | None) -> None:
    from ..sandbox.project import Selection
    from .invocation import program

    key, url = shlex.quote(sandbox.api_key), shlex.quote(sandbox.base_url)
    ids = f"{sandbox.project_id} {sandbox.space_id}"
    items = sandbox.project.select(Selection())
    some_id = items[0]["id"] if len(items) else "WORK_ITEM_ID"
    say(
        f"""The sandbox runs; Ctrl-C stops it.

  base URL   {sandbox.base_url}
  API key    {sandbox.api_key}
  project    {sandbox.project_id}
  space      {sandbox.space_id}
  items      {len(items):,}
{_webhooks(sandbox, webhook, some_id)}
Download it from another terminal:

  CF_API_KEY={key} CF_PLATFORM_BASE_URL={url} \\
    {program()} download {ids} ./annotations --assets

Or the whole space as a zip, with the same two variables:

  {program()} export {sandbox.space_id} ./exports

Or from Python:

  from cf_ai_platform_client import SyncCFUserClient
  SyncCFUserClient({sandbox.api_key!r}, {sandbox.base_url!r}).download_project(
      {sandbox.project_id!r}, {sandbox.space_id!r}, "./annotations", assets=True)
"""
    )


def _webhooks(sandbox: Sandbox, url: str | None, item_id: str) -> str:
    from ..sandbox.webhook_keys import can_sign

    if not can_sign():
        return ""
    rows = [f"  JWKS       {sandbox.jwks_url}"]
    if url is not None:
        call = f"http://127.0.0.1:{sandbox.port}/sandbox/workItems/{item_id}/status"
        key = shlex.quote(f"X-API-Key: {sandbox.api_key}")
        body = shlex.quote('{"status": "COMPLETED"}')
        rows += [f"  webhook    {url}", "", "Change a status, and a webhook is delivered:", ""]
        rows += [f"  curl -H {key} -d {body} \\", f"    {call}"]
    return "".join(f"{row}\n" for row in rows)
