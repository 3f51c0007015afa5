"""`cf-ai`: the commands and when to import them."""

from __future__ import annotations

import signal
import sys
from collections.abc import Sequence
from typing import Any, NoReturn

import click

from .._version import __version__
from .exits import EXIT_CODES_HELP, Ended, Interrupted, Terminated, report, run_reporting
from .lazy import LazyGroup

COMMANDS = {
    "demo": "Download a real sample project from a sandbox, and look at it.",
    "download": "Download the annotations of a project as COCO files.",
    "retry": "Fetch again what failed in earlier downloads.",
    "status": "Tell what is in a destination, and what failed and why.",
    "verify": "Compare every file in a destination with what was written.",
    "batches": "List the batches of a project.",
    "items": "List the work items of a project.",
    "export": "Have a space exported, and download the zip: all in one.",
    "exports": "Make, watch, download, read and delete the exports of a space.",
    "dataset": "Validate, merge, split and convert what was downloaded.",
    "webhooks": "Receive, check and try the platform's calls to your server.",
    "sandbox": "Run the platform's API on this machine, with sample data.",
    "completion": "Print the script that completes cf-ai in your shell.",
}


class Program(LazyGroup):
    """The group of all commands, which says in one sentence what went wrong in any of them."""

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
    cls=Program,
    package=__package__,
    table=COMMANDS,
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
