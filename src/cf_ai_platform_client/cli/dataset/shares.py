"""The options that say how a dataset is split."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

import click
from click.core import ParameterSource

from ..options import with_all

if TYPE_CHECKING:
    from ...datasets.dataset import Dataset
    from ...datasets.splitting import Split

F = TypeVar("F", bound=Callable[..., Any])


def split_options(command: F) -> F:
    """Add the options that say what is never cut, and what stays where it was."""
    options = [
        click.option(
            "--by",
            type=click.Choice(["image", "batch", "group"]),
            help="What is never cut: an image (the default), a batch, or a group (with --group).",
        ),
        click.option("--group", metavar="FIELD", help="Never cut what has this field of the image in common."),
        click.option("--stratify/--no-stratify", default=True, help="Have every category in every split (default)."),
        click.option("--seed", type=int, default=0, show_default=True, help="Another number gives another split."),
        click.option("--previous", metavar="FILE", type=click.Path(dir_okay=False), help="Keep what this split says."),
    ]
    return with_all(options, command)


def typed_split_options() -> list[str]:
    """Return the options that say how to split and that were given, whatever their values."""
    context = click.get_current_context()
    return [
        f"--no-{name}" if context.params[name] is False else f"--{name}"
        for name in ("by", "group", "stratify", "seed", "previous")
        if context.get_parameter_source(name) not in (None, ParameterSource.DEFAULT)
    ]


def chosen_split(dataset: Dataset, shares: str, options: dict[str, Any]) -> Split:
    """Split as the options ask for, taking them out."""
    from ...datasets.splitting import split

    group, by = options.pop("group"), options.pop("by")
    named = {name: options.pop(name) for name in ("stratify", "seed", "previous")}
    train, val, test = parse_shares(shares)
    return split(dataset, train, val, test, by=by or ("group" if group else "image"), group=group, **named)


def parse_shares(text: str) -> tuple[float, float, float]:
    """Read the shares of train, val and test; without the last one that is 0.

    >>> parse_shares("0.8,0.1,0.1"), parse_shares("0.9, 0.1")
    ((0.8, 0.1, 0.1), (0.9, 0.1, 0.0))
    """
    try:
        numbers = [float(part) for part in text.split(",")]
    except ValueError:
        numbers = []
    if len(numbers) not in (2, 3):
        raise ValueError(f"The shares are {text!r}, but must be two or three numbers such as 0.8,0.1,0.1.")
    return numbers[0], numbers[1], numbers[2] if len(numbers) > 2 else 0.0
