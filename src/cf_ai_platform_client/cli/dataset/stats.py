"""`cf-ai dataset stats`."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import click

from ..exits import SOME_FAILED, Ended, complain, say
from ..options import JSONOutput
from ..places import complete_folder
from . import EXIT_CODES_HELP
from .options import filters, open_filtered

if TYPE_CHECKING:
    from ...datasets.stats import Sizes, Stats

_MOST_ROWS = 1000


@click.command(epilog=EXIT_CODES_HELP)
@click.argument("path", shell_complete=complete_folder)
@filters
@JSONOutput
def command(path: str, as_json: bool, **options: Any) -> None:
    """Count images, annotations and categories in PATH, their sizes, and what cannot be used and why.

    PATH is a folder that was downloaded to, any folder of COCO files, or one COCO file. Small objects have less than
    32 x 32 square pixels, large ones more than 96 x 96, as COCO has it. The exit code is 1 where nothing can be used.

    \b
    Examples:
      cf-ai dataset stats ./annotations
      cf-ai dataset stats ./annotations --batch "Plot 7" --category tree --min-area 100
      cf-ai dataset stats ./annotations --json
    """
    from .showing import as_typed

    with as_typed():
        dataset = open_filtered(path, options)
        found = dataset.stats()
    nothing = not found.documents
    if as_json:
        say(json.dumps(_object(path, found, SOME_FAILED if nothing else 0)))
    else:
        _show(found)
    if nothing:
        from ...core.redaction import printable
        from .showing import no_document

        is_hidden = dataset.is_filtered and dataset.scan.items
        complain(f"No image in {printable(path, 1000)} matches the filters." if is_hidden else no_document(path))
        raise Ended(SOME_FAILED)


def _object(path: str, found: Stats, exit_code: int) -> dict[str, Any]:
    import msgspec

    from .showing import report_object

    figures = {name: msgspec.to_builtins(getattr(found, name)) for name in found.__struct_fields__ if name != "report"}
    return {"path": path, **figures, "report": report_object(found.report), "exit_code": exit_code}


def _show(found: Stats) -> None:
    from .showing import show_report

    if found.documents:
        _show_figures(found)
    show_report(found.report)


def _show_figures(found: Stats) -> None:
    _show_batches(found)
    _show_categories(found)
    spread = found.annotations_per_image
    say(
        f"{_counted(found.items, 'work item')}, {_counted(found.images, 'image')}, {found.images_on_disk:,} on the disk"
    )
    say(f"{_counted(found.images_without_annotations, 'image')} without annotations")
    say(f"Annotations an image: {spread.least:,} to {spread.most:,}, median {spread.median:g}, mean {spread.mean:.1f}")
    say(f"Sizes: {_sizes(found.sizes)}")
    shapes = ", ".join(f"{count:,} {kind}" for kind, count in found.segmentations.items())
    say(f"Shapes: {shapes}; {_counted(found.crowds, 'crowd')}, {found.with_keypoints:,} with keypoints")
    say()


def _show_batches(found: Stats) -> None:
    from ..tables import Column, Table

    table = Table([Column("ITEMS", 9, True), Column("BATCH", 20)])
    for batch in found.batches[:_MOST_ROWS]:
        name = batch.name or "(none)"
        table.row([f"{batch.items:,}", name if batch.id is None else f"{name} ({batch.id})"])
    _say_more(len(found.batches))
    say()


def _show_categories(found: Stats) -> None:
    from ..tables import Column, Table

    headings = [("ANNOTATIONS", 11), ("IMAGES", 9), ("SMALL", 9), ("MEDIUM", 9), ("LARGE", 9)]
    table = Table([*(Column(name, width, True) for name, width in headings), Column("CATEGORY", 20, stays=True)])
    for each in found.categories[:_MOST_ROWS]:
        sizes = (each.sizes.small, each.sizes.medium, each.sizes.large)
        name = f"{each.supercategory}/{each.name}" if each.supercategory else each.name
        table.row([*(f"{number:,}" for number in (each.annotations, each.images, *sizes)), name])
    table.say_left_out()
    _say_more(len(found.categories))
    say()


def _say_more(rows: int) -> None:
    if rows > _MOST_ROWS:
        say(f"… and {rows - _MOST_ROWS:,} more: --json has all.")


def _sizes(sizes: Sizes) -> str:
    return f"{sizes.small:,} small, {sizes.medium:,} medium, {sizes.large:,} large"


def _counted(count: int, what: str) -> str:
    return f"{count:,} {what}{'' if count == 1 else 's'}"
