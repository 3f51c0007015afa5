"""Everything that is wrong in a dataset, document by document."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING

from .across_documents import AcrossDocuments
from .extras import require
from .finding_codes import CODES
from .findings import Finding, Severity
from .image_checks import check_box, check_size
from .image_files import UnreadableImage, can_look, image_facts
from .image_sizes import SizeFiller
from .notes import Notes, reason, shown
from .reading import Reading
from .record_checks import RecordChecks
from .records import SourceId
from .report import Report
from .sources import Source, documents_of, sources

if TYPE_CHECKING:
    from .dataset import Dataset

Progress = Callable[[Report], None]


class Validation:
    """What is wrong in a dataset. Iterating reads all of it again and yields findings as they come; nothing grows.

    `images` says whether image files are opened: None does so where Pillow is there.
    """

    def __init__(
        self, dataset: Dataset, *, images: bool | None = None, examples: int = 3, progress: Progress | None = None
    ) -> None:
        self._documents = documents_of(dataset)
        if images:
            require("PIL.Image", "images", "Sizes of images")
        self._looks = can_look() if images is None else images
        self._is_told = images is not None
        self._examples = examples
        self._progress = progress
        self._summary: Summary | None = None

    def __iter__(self) -> Iterator[Finding]:
        summary = Summary(self._examples)
        across = AcrossDocuments()
        documents = self._documents
        for source in sources(documents):
            for finding in self._check(source, across, summary):
                summary.add(finding)
                yield finding
            if self._progress is not None:
                self._progress(summary.report)
        summary.report.documents.came_in += documents.left_out.total()
        summary.report.documents.left_out.update(documents.left_out)
        summary.report.warnings += [*documents.warnings, *self._notes(summary)]
        self._summary = summary

    @property
    def summary(self) -> Summary:
        """The counts of the last whole pass; makes one where there was none."""
        if self._summary is None:
            for _ in self:
                pass
        assert self._summary is not None
        return self._summary

    @property
    def counts(self) -> Counter[str]:
        """How many findings each code has."""
        return self.summary.counts

    @property
    def severities(self) -> Counter[str]:
        """How many findings are errors, warnings and infos."""
        return self.summary.severities

    @property
    def report(self) -> Report:
        """What came in, what can be used, what is left out and why."""
        return self.summary.report

    @property
    def has_errors(self) -> bool:
        """Whether anything breaks tools or training."""
        return self.severities["error"] > 0

    def _check(self, source: Source, across: AcrossDocuments, summary: Summary) -> list[Finding]:
        found, notes = source.reading, Notes(source.document)
        summary.count(found)
        if found.data is None:
            return found.findings
        checks = RecordChecks(found.images, notes)
        for at, annotation in zip(found.annotation_places, found.annotations, strict=True):
            checks.check(annotation, ("annotations", at))
        across.check(source.item_ids, found, notes)
        if self._looks:
            self._check_images(source, notes, summary)
        return found.findings + notes.findings

    def _check_images(self, source: Source, notes: Notes, summary: Summary) -> None:
        found, sizes = source.reading, SizeFiller(source.reading)
        filled: dict[SourceId, tuple[int, int]] = {}
        for number, (at, image) in enumerate(zip(found.image_places, found.images, strict=True)):
            path, here = source.image_path(image), ("images", at)
            if path is None:
                summary.images_missing += 1
                continue
            summary.images_seen += 1
            try:
                facts = image_facts(path)
            except UnreadableImage as error:
                notes.tell("image_unreadable", here, f"The image {shown(image.file_name)} cannot be read: {error}.")
                continue
            check_size(image, facts, here, notes)
            if (size := sizes.fill(at, number, facts)) is not None:
                filled[image.id] = size
        if filled:
            _check_boxes(found, filled, notes)

    def _notes(self, summary: Summary) -> list[str]:
        if not self._looks and not self._is_told:
            return [
                "Images were not looked at, since Pillow is not installed: pip install 'cf-ai-platform-client[images]'."
            ]
        if summary.images_missing and self._looks:
            return [f"{summary.images_missing:,} images are not on the disk: their sizes were not compared."]
        return []


class Summary:
    """Counts of one pass, and the first examples of each code."""

    def __init__(self, examples: int) -> None:
        self._most = examples
        self.errors_left = 0
        self.counts: Counter[str] = Counter()
        self.severities: Counter[str] = Counter()
        self.fixable: Counter[str] = Counter()
        self.examples: dict[str, list[Finding]] = {}
        self.report = Report()
        self.images_seen = self.images_missing = 0

    def add(self, finding: Finding) -> None:
        """Count a finding."""
        self.counts[finding.code] += 1
        self.severities[finding.severity] += 1
        self.fixable[finding.code] += finding.fix is not None
        examples = self.examples.setdefault(finding.code, [])
        self.errors_left += finding.severity == "error" and finding.fix is None
        if len(examples) < self._most:
            examples.append(finding)

    def count(self, found: Reading) -> None:
        """Count what a document brought, and what of it can be used."""
        report = self.report
        report.documents.came_in += 1
        if found.data is None:
            report.documents.left_out[reason(found.findings[0].code)] += 1
        else:
            report.documents.went_out += 1
        for tally, came_in, out, left_out in (
            (report.images, found.images_in, len(found.images), found.images_left_out),
            (report.annotations, found.annotations_in, len(found.annotations), found.annotations_left_out),
        ):
            tally.came_in += came_in
            tally.went_out += out
            tally.left_out.update(left_out)

    def by_severity(self) -> Iterator[tuple[str, Severity, int]]:
        """Yield code, severity and count: errors first, the most frequent first."""
        order = {"error": 0, "warning": 1, "info": 2}
        ranked = [(order[CODES[code].severity], -count, code) for code, count in self.counts.items()]
        for _, count, code in sorted(ranked):
            yield code, CODES[code].severity, -count


def validate(
    dataset: Dataset, *, images: bool | None = None, examples: int = 3, progress: Progress | None = None
) -> Validation:
    """Find what is wrong in a dataset; see `Dataset.validate`.

    `examples` are kept of each code; `progress` is called with the report of a pass, as it fills.
    """
    return Validation(dataset, images=images, examples=examples, progress=progress)


def _check_boxes(found: Reading, sizes: Mapping[SourceId, tuple[int, int]], notes: Notes) -> None:
    for at, annotation in zip(found.annotation_places, found.annotations, strict=True):
        if (size := sizes.get(annotation.image_id)) is not None:
            check_box(annotation, ("annotations", at), size, notes)
