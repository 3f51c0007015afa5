"""A dataset written again with everything repaired that needs no guessing, each change listed."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, TYPE_CHECKING

import msgspec

from .document_checks import DocumentChecks
from .document_names import document_names
from .findings import Finding
from .image_copies import ImageCopies
from .notes import reason
from .out_folder import Images, OutFolder, check_apart, check_images, write_folder
from .repairing import Change, apply, encode
from .report import Report
from .sources import Source, documents_of, sources
from .validation import looks_at

if TYPE_CHECKING:
    from .dataset import Dataset

__all__ = ["CHANGES", "Change", "FixReport", "fix"]

CHANGES = "changes.jsonl"
"""The file in the folder that lists each change."""


@dataclass
class FixReport(Report):
    """What was fixed, and what of all that validation finds was left as it was, by codes.

    Iterating yields each change, from the file `changes.jsonl` in the folder. No image and no annotation is left out:
    what cannot be repaired is written as it was.
    """

    path: str = ""
    fixed: Counter[str] = field(default_factory=Counter[str])
    left: Counter[str] = field(default_factory=Counter[str])
    documents_changed: int = 0

    def __iter__(self) -> Iterator[Change]:
        with Path(self.path, CHANGES).open("rb") as file:
            for line in file:
                yield msgspec.json.decode(line, type=Change)


def fix(
    dataset: Dataset,
    out: str | os.PathLike[str],
    *,
    images: Images = "none",
    look: bool | None = None,
    overwrite: bool = False,
    progress: Callable[[Report], None] | None = None,
) -> FixReport:
    """Write each document to the same relative path in a folder, repaired; see `Dataset.fix`.

    What needs no repair is copied byte by byte, also what is no COCO. `look` says whether images are opened: None
    does so where Pillow is. `progress` is called with the report as it fills.
    """
    check_images(images)
    checks = DocumentChecks(looks=looks_at(look))
    check_apart(out, dataset.root)
    report = FixReport(path=os.fspath(out))
    documents = documents_of(dataset)
    names = document_names(document.path for document in documents.found)

    def work(folder: OutFolder) -> None:
        copies = ImageCopies(documents.root, folder)
        with folder.open(CHANGES) as changes:
            for source in sources(documents):
                copies.add(source)
                content = _fixed(source, checks.check(source), report, changes)
                if content is not None:
                    with folder.open(_named(source.document, names, report)) as file:
                        file.write(content)
        report.warnings += copies.warnings()

    report.documents.came_in += documents.left_out.total()
    report.documents.left_out.update(documents.left_out)
    report.warnings += documents.warnings
    write_folder(out, work, report, overwrite=overwrite, images=images, progress=progress)
    return report


def _named(document: str, names: Mapping[str, str], report: Report) -> str:
    """Return a path that every system takes for a document, and tell where it is another."""
    safe = names[document]
    if safe != document:
        report.warnings.append(f"{document} is written as {safe}, a name that every system takes and no other has.")
    return safe


def _fixed(source: Source, findings: list[Finding], report: FixReport, changes: IO[bytes]) -> bytes | None:
    found = source.reading
    _count(source, findings, report)
    if found.data is None or not any(finding.fix for finding in findings):
        return source.content
    report.documents_changed += 1
    made = apply(found.data, found.repairs, source.document)
    whole = [each for each in findings if each.fix and each.path == "$"]
    made += [Change(each.code, each.document, each.path, each.message, each.fix or "") for each in whole]
    for change in made:
        changes.write(msgspec.json.encode(change) + b"\n")
    return encode(found.data)


def _count(source: Source, findings: list[Finding], report: FixReport) -> None:
    found = source.reading
    report.documents.came_in += 1
    if source.content is None:
        report.documents.left_out[reason(found.findings[0].code)] += 1
    else:
        report.documents.went_out += 1
    for tally, count in ((report.images, found.images_in), (report.annotations, found.annotations_in)):
        tally.came_in += count
        tally.went_out += count
    for finding in findings:
        counts = report.left if finding.fix is None else report.fixed
        counts[finding.code] += 1
