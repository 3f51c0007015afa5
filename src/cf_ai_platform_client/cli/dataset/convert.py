"""`cf-ai dataset convert`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from ...datasets.formats import FORMATS
from ..exits import say
from ..options import JSONOutput, progress_option
from ..places import complete_folder
from . import EXIT_CODES_HELP
from .options import filters, open_filtered
from .shares import chosen_split, split_options, typed_split_options

if TYPE_CHECKING:
    from ...datasets.dataset import Dataset
    from ...datasets.splitting import Split

_FORMATS_HELP = "\b\nFormats:\n" + "\n".join(f"  {name:<15} {each.text}" for name, each in FORMATS.items())


@click.command(epilog=f"{_FORMATS_HELP}\n\n{EXIT_CODES_HELP}")
@click.argument("path", shell_complete=complete_folder)
@click.argument("out", shell_complete=complete_folder)
@click.option(
    "--to", "format_name", type=click.Choice(list(FORMATS)), required=True, metavar="FORMAT", help="See below."
)
@click.option("--split", "shares", metavar="TRAIN,VAL,TEST", help="Split, such as 0.8,0.1,0.1; 0 leaves one out.")
@click.option(
    "--split-file", metavar="FILE", type=click.Path(dir_okay=False), help="Split as this file of `split` says."
)
@split_options
@click.option(
    "--images",
    type=click.Choice(["copy", "link", "none"]),
    default="copy",
    show_default=True,
    help="Copy the images, link to them, or leave them where they are.",
)
@click.option(
    "--crowds",
    type=click.Choice(["keep", "skip"]),
    help="Keep or skip crowds in formats that cannot mark them (default: what the format says).",
)
@click.option("--overwrite", is_flag=True, help="Replace what an earlier conversion wrote to OUT.")
@filters
@progress_option
@JSONOutput
def command(path: str, out: str, format_name: str, progress: bool | None, as_json: bool, **options: Any) -> None:
    """Write the dataset in PATH to the folder OUT in another format: all of it or nothing.

    How many images and annotations came in, went out and were left out is told, and why.

    \b
    Examples:
      cf-ai dataset convert ./annotations ./yolo --to yolo --split 0.8,0.1,0.1
      cf-ai dataset convert ./annotations ./voc --to voc --split-file split.json
      cf-ai dataset convert ./annotations ./tables --to parquet --images none
    """
    from .showing import as_typed, bar, check_usable, end_with

    with as_typed():
        from ...datasets.converting import convert

        written = {name: options.pop(name) for name in ("images", "crowds", "overwrite")}
        dataset = open_filtered(path, options)
        check_usable(dataset, path, as_json=as_json, out=out, format=format_name)
        split = _chosen(dataset, options)
        count, unit = (len(dataset), "document") if split is None else (_images(split), "image")
        with bar("Converting", unit, lambda: count, progress) as move:
            report = convert(split or dataset, format_name, out, **written, progress=move)
    if split is not None and not as_json:
        from .split import show_split

        show_split(split, categories=False)
        say()
    more: dict[str, Any] = {} if split is None else {"splits": split.table[0].images}
    end_with(report, as_json=as_json, path=path, out=out, format=format_name, **more)


def _chosen(dataset: Dataset, options: dict[str, Any]) -> Split | None:
    shares, file, typed = options.pop("shares"), options.pop("split_file"), typed_split_options()
    if file is not None:
        if shares is not None:
            raise ValueError("--split and --split-file exclude each other: give one of them.")
        if typed:
            raise ValueError(
                f"{typed[0]} says how to split, but --split-file says already where each image is: leave one of them "
                "out."
            )
        from ...datasets.splitting import Split

        return Split.load(file, dataset)
    if shares is None:
        if typed:
            raise ValueError(f"{typed[0]} says how to split, but nothing is split: add --split 0.8,0.1,0.1.")
        return None
    return chosen_split(dataset, shares, options)


def _images(split: Split) -> int:
    return sum(split.table[0].images.values())
