"""`cf-ai webhooks send`."""

from __future__ import annotations

import json
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING, Any

import click

from ..exits import SOME_FAILED, Ended, complain, say
from ..options import JSONOutput

if TYPE_CHECKING:
    import httpx

_PATIENCE = 60.0
"""Seconds for all attempts of a delivery."""


@click.command()
@click.option("--to", "url", required=True, metavar="URL", help="Your endpoint.")
@click.option("--item", metavar="ID", help="The work item that it is about. Default: the first one.")
@click.option("--status", default="COMPLETED", show_default=True, help="The status that it gets.")
@click.option(
    "--port", type=click.IntRange(1, 65535), default=8080, show_default=True, help="Where the sandbox is, or will be."
)
@JSONOutput
def command(url: str, item: str | None, status: str, port: int, as_json: bool) -> None:
    """Let a sandbox deliver a webhook to URL, to try an endpoint of your own.

    It is the sandbox that runs at --port of this machine (cf-ai sandbox), which goes on delivering there, or else one
    for this delivery alone, with new keys. The endpoint must take its keys from
    http://127.0.0.1:PORT/api/.well-known/jwks.json. Exit codes: 0 answered with a 2xx, 1 not, 2 usage.

    \b
    Examples:
      cf-ai webhooks send --to http://127.0.0.1:8000/
      cf-ai webhooks send --to http://127.0.0.1:8000/ --item 0520a8e8-6160-5229-842a-5eeff9033a39
    """
    with _caller(port) as http, _own_sandbox(http, port):
        _ask(http, "POST", "/sandbox/webhook", {"url": url})
        chosen = item or _ask(http, "GET", "/api/v1/projects/sample-project/workItems?limit=1")["items"][0]["id"]
        delivery = _ask(http, "POST", f"/sandbox/workItems/{_segment(chosen)}/status", {"status": status})["delivery"]
    delivered = 200 <= delivery["status"] <= 299
    if as_json:
        say(json.dumps({"workItemID": chosen, "delivered": delivered, **delivery}))
    elif delivered:
        say(f"Delivered: work item {chosen} is {status}. {url} answered {delivery['status']}.")
    else:
        _explain(delivery, port)
    if not delivered:
        raise Ended(SOME_FAILED)


def _explain(delivery: dict[str, Any], port: int) -> None:
    from ...core.redaction import printable, without_query

    said = f"answered {delivery['status']}" if delivery["status"] else f"did not answer: {delivery['error']}"
    attempts = f"{delivery['attempts']} attempt{'' if delivery['attempts'] == 1 else 's'}"
    complain(printable(f"Not delivered, in {attempts}: {without_query(delivery['url'])} {said}.", 1000))
    if delivery["status"] in {401, 503}:
        complain(
            f"It must take its keys from http://127.0.0.1:{port}/api/.well-known/jwks.json, where it asks for new ones "
            "once a minute: let cf-ai sandbox run beside it, so that they stay the same."
        )


def _caller(port: int) -> httpx.Client:
    import httpx

    from ...sandbox.server import API_KEY

    headers = {"X-API-Key": API_KEY}
    return httpx.Client(base_url=f"http://127.0.0.1:{port}", headers=headers, timeout=_PATIENCE, trust_env=False)


def _own_sandbox(http: httpx.Client, port: int) -> AbstractContextManager[object]:
    """Return a sandbox to start, or nothing to start where one runs."""
    import httpx

    from ...sandbox import Sandbox
    from ...webhooks.signatures import require_cryptography

    try:
        found = http.get("/api/.well-known/jwks.json")
    except httpx.ConnectError:
        try:
            require_cryptography()
        except ImportError as error:
            raise click.UsageError(f"{error}.") from None
        return Sandbox(port=port, record=False)
    except httpx.HTTPError:
        found = None
    if found is None or found.status_code != 200:
        raise click.UsageError(f"What answers at port {port} is no sandbox that signs webhooks: choose another --port.")
    return nullcontext()


def _ask(http: httpx.Client, method: str, path: str, body: object = None) -> Any:
    answer = http.request(method, path, json=body)
    if answer.is_success:
        return answer.json()
    try:
        message = answer.json()["message"]
    except (ValueError, LookupError, TypeError):
        message = f"The sandbox answered {answer.status_code}"
    raise click.UsageError(f"{str(message).rstrip('.')}.")


def _segment(item: str) -> str:
    from urllib.parse import quote

    return quote(item, safe="")
