"""Everything that is wrong in a dataset, document by document."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from .document_checks import DocumentChecks
from .extras import require
from .finding_codes import CODES
from .findings import Finding, Severity
from .image_files import can_look
from .notes import reason
from .reading import Reading
from .report import Report, counted
from .sources import documents_of, sources

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
        self._looks = looks_at(images)
        self._is_told = images is not None
        self._examples = examples
        self._progress = progress
        self._summary: Summary | None = None

    def __repr__(self) -> str:
        if self._summary is None:
            return "Validation(not read yet)"
        return f"Validation({', '.join(counted(self.severities[name], name) for name in ('error', 'warning', 'info'))})"

    def __iter__(self) -> Iterator[Finding]:
        summary = Summary(self._examples)
        checks = DocumentChecks(looks=self._looks)
        documents = self._documents
        for source in sources(documents):
            summary.count(source.reading)
            for finding in checks.check(source):
                summary.add(finding)
                yield finding
            if self._progress is not None:
                self._progress(summary.report)
        summary.report.documents.came_in += documents.left_out.total()
        summary.report.documents.left_out.update(documents.left_out)
        summary.report.warnings += [*documents.warnings, *self._notes(checks)]
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

    def _notes(self, checks: DocumentChecks) -> list[str]:
        if not self._looks and not self._is_told:
            return [
                "Images were not looked at, since Pillow is not installed: pip install 'cf-ai-platform-client[images]'."
            ]
        if checks.images_missing:
            return [
                f"{counted(checks.images_missing, 'image is', 'images are')} not on the disk: sizes were not compared."
            ]
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


def looks_at(images: bool | None) -> bool:
    """Tell whether image files are opened: None does so where Pillow is. Raises MissingExtra for True without it."""
    if images:
        require("PIL.Image", "images", "Sizes of images")
    return can_look() if images is None else images
