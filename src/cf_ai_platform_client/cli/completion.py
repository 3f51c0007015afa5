"""`cf-ai completion`."""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class

from .exits import say


@click.command()
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@click.pass_context
def command(ctx: click.Context, shell: str) -> None:
    """Print the script that completes cf-ai in SHELL.

    \b
    bash: add to ~/.bashrc      eval "$(cf-ai completion bash)"
    zsh:  add to ~/.zshrc       eval "$(cf-ai completion zsh)"
    fish: run once              cf-ai completion fish > ~/.config/fish/completions/cf-ai.fish
    """
    kind = get_completion_class(shell)
    if kind is None:
        raise click.UsageError(f"{shell} is not supported.")
    say(kind(ctx.find_root().command, {}, "cf-ai", "_CF_AI_COMPLETE").source())
