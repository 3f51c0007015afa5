"""`cf-ai dataset`."""

from __future__ import annotations

import click

from ..lazy import LazyGroup

COMMANDS = {
    "stats": "Count images, annotations and categories.",
    "validate": "Find what breaks tools and training, and fix what needs no guessing.",
    "merge": "Make one COCO document of all.",
    "split": "Say which images are for training, validation and test.",
    "convert": "Write it as YOLO, Pascal VOC, masks, tables and others.",
}

EXIT_CODES_HELP = """\b
Exit codes: 0 all well, 1 errors in the data or nothing that can be used,
2 usage, 4 local disk, 130 and 143 interrupted."""


@click.group(cls=LazyGroup, package=__name__, table=COMMANDS, epilog=EXIT_CODES_HELP)
def command() -> None:
    """Make a dataset of what was downloaded, or of any folder of COCO files. No network, no key.

    Each command tells how many images and annotations came in, went out and were left out, and why.

    \b
    Examples:
      cf-ai dataset stats ./annotations
      cf-ai dataset validate ./annotations
      cf-ai dataset merge ./annotations ./merged
      cf-ai dataset convert ./annotations ./yolo --to yolo --split 0.8,0.1,0.1
    """
