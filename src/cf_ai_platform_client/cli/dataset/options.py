"""Options that the commands of datasets share: which work items, and which annotations of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

import click

from ..logs import warnings_as_sentences
from ..options import with_all

if TYPE_CHECKING:
    from ...datasets.dataset import Dataset

F = TypeVar("F", bound=Callable[..., Any])

_FILTERS = ("batches", "categories", "item_ids", "min_area")


def filters(command: F) -> F:
    """Add the options that say what of a dataset is taken."""
    options = [
        click.option(
            "--batch",
            "batches",
            multiple=True,
            metavar="BATCH",
            help="Only this batch, by name or id; can be repeated.",
        ),
        click.option(
            "--category",
            "categories",
            multiple=True,
            metavar="NAME",
            help="Only annotations of this category, by name or SUPERCATEGORY/NAME; can be repeated.",
        ),
        click.option("--item", "item_ids", multiple=True, metavar="ID", help="Only this work item; can be repeated."),
        click.option("--min-area", type=float, metavar="N", help="Only annotations of at least so many square pixels."),
        click.option("--skip-empty", is_flag=True, help="Leave out images of which no annotation is shown."),
    ]
    return with_all(options, command)


def open_filtered(path: str, options: dict[str, Any]) -> Dataset:
    """Open a dataset, and filter it as the options say, which are taken out. Raises ValueError and DiskError."""
    from ...datasets import open

    given = {name: value for name in _FILTERS if (value := options.pop(name, None)) not in (None, ())}
    if options.pop("skip_empty", False):
        given["keep_empty"] = False
    with warnings_as_sentences():
        dataset = open(path)
    return dataset.filter(**given) if given else dataset
