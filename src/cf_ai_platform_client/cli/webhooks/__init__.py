"""`cf-ai webhooks`."""

from __future__ import annotations

import click

from ..lazy import LazyGroup

COMMANDS = {
    "listen": "Receive deliveries, and run a command for each.",
    "verify": "Tell whether a saved delivery is genuine.",
    "send": "Let a sandbox deliver to your endpoint.",
}


@click.group(cls=LazyGroup, package=__name__, table=COMMANDS)
def command() -> None:
    """Receive, check and try the platform's calls to your server, made when a work item's status changes.

    \b
    Examples, without an account, in two terminals:
      cf-ai webhooks listen --jwks-url http://127.0.0.1:8080/api/.well-known/jwks.json
      cf-ai webhooks send --to http://127.0.0.1:8000/
    """
