"""`cf-ai sandbox`."""

from __future__ import annotations

import shlex
import signal
import sys
from typing import NoReturn

import click


@click.command()
@click.option("--port", type=click.IntRange(0, 65535), default=8080, show_default=True, help="0 takes a free one.")
@click.option("--items", type=click.IntRange(0), metavar="N", help="Serve N work items: the sample's 36, repeated.")
@click.option(
    "--latency", type=click.FloatRange(0), default=0, metavar="MS", help="Milliseconds more for every answer."
)
@click.option("--faults", metavar="SPEC", help="What goes wrong: storm, or a TOML file of [[fault]] rows.")
@click.option("--seed", type=int, default=0, show_default=True, help="Chooses where faults with a rate strike.")
def command(port: int, items: int | None, latency: float, faults: str | None, seed: int) -> None:
    """Run the platform's API on 127.0.0.1, with sample data, until Ctrl-C.

    \b
    Examples:
      cf-ai sandbox
      cf-ai sandbox --items 100000 --latency 40
      cf-ai sandbox --faults storm --seed 7
    \b
    A TOML file of faults has rows like this one:
      [[fault]]
      endpoint = "storage"   # work_items, batches, annotations, signed_urls, *
      rate = 0.1             # or nth = 3, or nth = [1, 2], or every request
      action = "truncated"   # status, headers, reset, close_delimited, slow, altered
    """
    from ..sandbox import Sandbox
    from ..sandbox.faults import load

    rows = load(faults) if faults else ()
    signal.signal(signal.SIGTERM, _interrupt)
    with Sandbox(port=port, items=items, latency=latency / 1000, faults=rows, seed=seed, record=False) as sandbox:
        _introduce(sandbox)
        try:
            sandbox.wait()
        except KeyboardInterrupt:
            click.echo(f"\nStopped after {sum(sandbox.counts.values()):,} requests.")
            sys.stdout.flush()


def _introduce(sandbox: object) -> None:
    from ..sandbox import Sandbox
    from ..sandbox.project import Selection

    if not isinstance(sandbox, Sandbox):
        raise TypeError(sandbox)
    key, url = shlex.quote(sandbox.api_key), shlex.quote(sandbox.base_url)
    click.echo(
        f"""The sandbox runs; Ctrl-C stops it.

  base URL   {sandbox.base_url}
  API key    {sandbox.api_key}
  project    {sandbox.project_id}
  space      {sandbox.space_id}
  items      {len(sandbox.project.select(Selection())):,}

Download it from another terminal:

  CF_API_KEY={key} CF_PLATFORM_BASE_URL={url} \\
    cf-ai download {sandbox.project_id} {sandbox.space_id} ./annotations
"""
    )
    sys.stdout.flush()


def _interrupt(_number: int, _frame: object) -> NoReturn:
    raise KeyboardInterrupt
