"""`cf-ai webhooks`."""

from __future__ import annotations

import click

from .webhooks_listen import listen
from .webhooks_send import send
from .webhooks_verify import verify


@click.group()
def command() -> None:
    """Receive, check and try the platform's calls to your server, made when a work item's status changes.

    \b
    Examples, without an account, in two terminals:
      cf-ai webhooks listen --jwks-url http://127.0.0.1:8080/api/.well-known/jwks.json
      cf-ai webhooks send --to http://127.0.0.1:8000/
    """


for each in (listen, verify, send):
    command.add_command(each)
