"""One COCO document of a dataset, and a map that leads from every new id to where it came from."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from .coco_rows import encode_lines
from .coco_writer import CocoWriter, unsized_warnings
from .dataset import Dataset
from .merged_files import MapLine, is_map, is_merged_document
from .names import Names
from .names_in_place import NamesInPlace
from .origins import source_id_of
from .out_folder import Images, OutFolder, check_apart, check_free, check_images, write_folder
from .records import Item, Sample
from .report import Report


def merge(
    dataset: Dataset,
    out: str | os.PathLike[str],
    *,
    images: Images = "none",
    ascii_only: bool = True,
    overwrite: bool = False,
    progress: Callable[[Report], None] | None = None,
) -> Report:
    """Write one COCO document of all; see `Dataset.merge`. `progress` is called with the report as it fills."""
    check_images(images)
    check_apart(out, dataset.documents.place)
    places = _places(Path(out), images, overwrite=overwrite)
    report = Report()

    def work(folder: OutFolder) -> None:
        with folder.open(places.document) as file, folder.open(places.map) as lines, folder.scratch() as scratch:
            writer = CocoWriter(file, scratch, dataset.categories, ascii_only=ascii_only)
            _Merge(dataset, writer, folder, lines, report).run()

    write_folder(
        places.folder,
        work,
        report,
        overwrite=overwrite,
        images=images,
        among_others=places.document if places.among_others else None,
        progress=progress,
    )
    report.tell_emptied()
    return report


@dataclass(frozen=True)
class _Places:
    """Where the document and the map go: into a folder of their own, or among other files."""

    folder: Path
    document: str = "annotations.json"
    map: str = "map.jsonl"
    among_others: bool = False


def _places(out: Path, images: Images, *, overwrite: bool) -> _Places:
    if out.suffix.lower() != ".json" or out.is_dir():
        return _Places(out)
    if images != "none":
        raise ValueError(f"out is {str(out)!r}, a file, but images need a folder: give one, or images='none'.")
    places = _Places(out.parent, out.name, f"{out.stem}.map.jsonl", among_others=True)
    ours = {places.folder / places.document: is_merged_document, places.folder / places.map: is_map}
    check_free(ours, overwrite=overwrite)
    return places


_REMEMBERED = 100_000
"""Pairs of a category's new and old id that are kept in mind: those that come later have a line an item."""


class _Merge:
    """One pass over the dataset. Images wait for their names, which all of them together decide."""

    def __init__(self, dataset: Dataset, writer: CocoWriter, out: OutFolder, lines: IO[bytes], report: Report) -> None:
        self._dataset = dataset
        self._writer = writer
        self._out = out
        self._lines = lines
        self._report = report
        self._names = NamesInPlace(dataset.documents.root)
        self._known: Names | None = Names.of(dataset.samples()) if out.images != "none" else None
        self._categories: set[tuple[int, object]] = set()

    def run(self) -> None:
        """Write all of it."""
        for item in self._dataset.items(self._report):
            self._writer.begin(item)
            self._map_categories(item)
            for sample in item.samples:
                first = self._writer.annotations + 1
                self._map(self._writer.add(sample, self._name(sample)), sample, first)
        self._names.settle()
        self._writer.finish(self._names.decide if self._known is None else None)
        self._writer.count(self._report)
        self._report.warnings += unsized_warnings(self._writer.unsized) + self._names.warnings()
        self._report.warnings += self._out.link_warnings()

    def _name(self, sample: Sample) -> str | None:
        """Return the name that an image has already, None where it waits for the others."""
        if self._known is None:
            self._out.is_on_disk(sample.path)
            return self._names.note(sample)
        known = self._known(sample)
        self._out.add_image(f"images/{known}", sample.path)
        return known

    def _map(self, row: Mapping[str, Any], sample: Sample, first: int) -> None:
        """Write whence an image and its annotations came; what was merged before leads to where it was then."""
        place = row["work_item_id"], row.get("batch", ""), row["source_file"]
        lines = [MapLine("image", row["id"], row["source_id"], *place)]
        lines += [
            MapLine("annotation", number, source_id_of(each, sample) if each.extra else each.id, *place)
            for number, each in enumerate(sample.annotations, first)
        ]
        self._lines.write(encode_lines(lines) + b"\n")

    def _map_categories(self, item: Item) -> None:
        for source_id, category in zip(item.category_ids, item.categories, strict=True):
            if (category.id, source_id) not in self._categories:
                if len(self._categories) < _REMEMBERED:
                    self._categories.add((category.id, source_id))
                place = item.work_item_id, item.batch, item.document
                self._lines.write(encode_lines([MapLine("category", category.id, source_id, *place)]) + b"\n")
