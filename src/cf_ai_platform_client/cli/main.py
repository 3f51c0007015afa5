"""`cf-ai`: the commands and when to import them."""

from __future__ import annotations

import importlib
import signal
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NoReturn

import click

from .._version import __version__
from .exits import EXIT_CODES_HELP, Ended, Interrupted, Terminated, report, run_reporting

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

COMMANDS = {
    "demo": "Download a real sample project from a sandbox, and look at it.",
    "download": "Download the annotations of a project as COCO files.",
    "retry": "Fetch again what failed in earlier downloads.",
    "status": "Tell what is in a destination, and what failed and why.",
    "verify": "Compare every file in a destination with what was written.",
    "batches": "List the batches of a project.",
    "items": "List the work items of a project.",
    "webhooks": "Receive, check and try the platform's calls to your server.",
    "sandbox": "Run the platform's API on this machine, with sample data.",
    "completion": "Print the script that completes cf-ai in your shell.",
}


class LazyGroup(click.Group):
    """A group that imports a command when it is called: `--help` does not wait for what it does not need."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        command: click.Command = importlib.import_module(f"{__package__}.{cmd_name}").command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        from click.shell_completion import CompletionItem

        names = [CompletionItem(name, help=text) for name, text in COMMANDS.items() if name.startswith(incomplete)]
        return names + click.Command.shell_complete(self, ctx, incomplete)

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except (click.ClickException, click.exceptions.Exit, click.Abort, Ended, Interrupted):
            raise
        except BrokenPipeError:
            raise Ended(0) from None
        except Exception as error:
            raise Ended(report(error, with_traceback=ctx.meta.get("cf_ai.verbosity", 0) > 1)) from None


@click.group(
    cls=LazyGroup,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog=f"""\b
Try it without an account:
  cf-ai demo
With one (the key is in CF_API_KEY):
  cf-ai download PROJECT SPACE ./annotations

{EXIT_CODES_HELP}""",
)
@click.version_option(__version__, prog_name="cf-ai")
def cli() -> None:
    """Get annotated data out of the CloudFactory AI Platform: whole, fast, ready to train on."""


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run `cf-ai` and exit with its code."""
    signal.signal(signal.SIGTERM, _terminate)
    sys.exit(run_reporting(lambda: cli.main(args=arguments, prog_name="cf-ai", standalone_mode=False)))


def _terminate(_number: int, _frame: object) -> NoReturn:
    raise Terminated


if __name__ == "__main__":
    main()
