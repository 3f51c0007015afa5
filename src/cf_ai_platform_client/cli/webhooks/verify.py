"""`cf-ai webhooks verify`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import click

from ..exits import SOME_FAILED, Ended, complain, say
from ..logs import verbosity
from ..options import JSONOutput
from .options import make_verifier, signing_keys, tolerance_option

if TYPE_CHECKING:
    from ...webhooks import WebhookEvent

Pairs = list[tuple[str, str]]


@click.command()
@click.argument("file", type=click.Path(dir_okay=False, exists=True, path_type=Path))
@click.option("--header", "headers", multiple=True, metavar="'NAME: VALUE'", help="FILE is the body, this is a header.")
@signing_keys
@tolerance_option(None, "Check the timestamp too: seconds that it may be off. Default: off, since FILE was saved.")
@JSONOutput
@verbosity
def command(
    file: Path,
    headers: tuple[str, ...],
    jwks_url: str | None,
    keys_file: Path | None,
    tolerance: float | None,
    as_json: bool,
) -> None:
    """Verify a delivery that was saved to FILE, and tell what is wrong with it.

    FILE holds {"headers": {"X-Payload-Signature": "...", ...}, "body": "..."}, the body as the text that came. With
    --header it holds the body alone, byte by byte. Exit codes: 0 verified, 1 refused, 2 usage, 5 the signing keys
    cannot be fetched.

    \b
    Examples:
      cf-ai webhooks verify delivery.json
      cf-ai webhooks verify body.bin --header 'X-Payload-Key-Id: key-1' --header ...
    """
    from ...core.redaction import printable

    verifier = make_verifier(jwks_url, keys_file, tolerance)
    pairs, body = _with_headers(file, headers) if headers else _delivery(file)
    from ...webhooks import WebhookError

    try:
        event = verifier.verify(body, pairs)
    except WebhookError as error:
        if error.reason == "keys_unavailable":
            raise
        if as_json:
            say(json.dumps({"verified": False, "reason": error.reason, "error": str(error)}))
        else:
            complain(printable(f"{error} ({error.reason})", 1000))
        raise Ended(SOME_FAILED) from None
    say(json.dumps({"verified": True, "event": json.loads(event.body)}) if as_json else _told(event))


def _told(event: WebhookEvent) -> str:
    from ...core.redaction import printable

    rows = {
        "work item": printable(event.work_item_id),
        "status": printable(event.status),
        "asset": printable(f"{event.asset_type or ''} {event.asset_url or ''}"),
        "updated": event.updated_at.isoformat(),
        "delivered": event.delivered_at.isoformat(),
    }
    return "\n".join(["Verified.", *(f"  {name:10} {value}" for name, value in rows.items())])


def _with_headers(file: Path, headers: tuple[str, ...]) -> tuple[Pairs, bytes]:
    split = [header.partition(":") for header in headers]
    for header, (name, colon, _) in zip(headers, split, strict=True):
        if not name.strip() or not colon:
            raise click.UsageError(f"--header is {header!r}: it must be like 'X-Payload-Key-Id: key-1'.")
    return [(name.strip(), value.strip()) for name, _, value in split], file.read_bytes()


def _delivery(file: Path) -> tuple[Pairs, bytes]:
    try:
        saved: Any = json.loads(file.read_text(encoding="utf-8-sig"))
    except (ValueError, RecursionError):
        saved = None
    fields = cast("dict[str, Any]", saved) if isinstance(saved, dict) else {}
    pairs, body = _pairs(fields.get("headers")), fields.get("body")
    if pairs is None or not isinstance(body, str):
        raise click.UsageError(
            f'{file} is not a saved delivery: it must hold {{"headers": {{...}}, "body": "..."}}, '
            "or be the body alone, with each header in a --header."
        )
    return pairs, body.encode("utf-8", "surrogatepass")


def _pairs(headers: Any) -> Pairs | None:
    """Take headers as an object, or as a list of pairs, which may have doubled ones."""
    listed = cast("Any", headers.items() if isinstance(headers, dict) else headers)
    try:
        return [(str(name), str(value)) for name, value in listed]
    except (TypeError, ValueError):
        return None
