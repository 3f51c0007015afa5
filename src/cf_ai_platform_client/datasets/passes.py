"""One pass over documents: read one by one, shown as far as filters let, and told of in a report."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from .documents import Document, Documents, read_file
from .filtering import Selection
from .image_places import ImagePlaces
from .notes import reason
from .reading import Reading, read_document
from .records import Item, Sample
from .report import Report
from .samples import items_of, owner_of
from .scanning import Scan


class Pass:
    """Reads documents for one iteration; what filters hide is not counted."""

    def __init__(self, documents: Documents, scan: Scan, selections: Sequence[Selection], report: Report) -> None:
        self._documents = documents
        self._scan = scan
        self._selections = selections
        self._report = report
        self._places = ImagePlaces(documents.root)
        self._altered = 0
        self._bytes = 0

    def items(self) -> Iterator[Item]:
        """Yield what is shown, and complete the report."""
        self._count_left_out_documents()
        for number in range(len(self._documents.found)):
            yield from self.items_in(number)
        self._report.warnings.extend(self._warnings())

    def load(self, number: int) -> tuple[list[Sample], int]:
        """Return what is shown of a document's images, and how many bytes it has; for a `SampleIndex`."""
        before = self._bytes
        samples = [sample for item in self.items_still_in(number) for sample in item.samples]
        return samples, self._bytes - before

    def items_still_in(self, number: int) -> list[Item]:
        """Return what is shown of a document. Raises DiskError where it had images and cannot be read any more."""
        before = self._report.documents.left_out.total()
        shown = self.items_in(number)
        if self._scan.images_in[number] and self._report.documents.left_out.total() > before:
            raise self.changed(number)
        return shown

    def items_in(self, number: int) -> list[Item]:
        """Return what is shown of a document."""
        document = self._documents.found[number]
        found = self._read(document) if self._may_be_shown(number, document) else None
        if found is None:
            return []
        try:
            everything = items_of(document, found, self._scan.table, self._places, self._scan.shared_ids)
        except LookupError as error:
            raise self.changed(number) from error
        shown = list(shown_of(everything, self._selections))
        if shown or not self._selections:
            self._count(found, shown)
        return shown

    def _read(self, document: Document) -> Reading | None:
        got = read_file(self._documents.root, document)
        if not isinstance(got, tuple):
            self._leave_out(got)
            return None
        self._altered += got[1]
        self._bytes += len(got[0])
        found = read_document(got[0], document.path)
        if found.data is None:
            self._leave_out(reason(found.findings[0].code))
            return None
        return found

    def changed(self, number: int) -> Exception:
        """Return the error that a document is not what it was."""
        from ..errors import DiskError

        what = f"{self._documents.root}/{self._documents.found[number].path} was changed after the dataset was opened."
        return DiskError(what, code="disk_error", hint="Open it again.")

    def _leave_out(self, why: str) -> None:
        self._report.documents.came_in += 1
        self._report.documents.left_out[why] += 1

    def _count(self, found: Reading, shown: list[Item]) -> None:
        report, samples = self._report, [sample for item in shown for sample in item.samples]
        report.documents.came_in += 1
        report.images.came_in += len(samples) + found.images_left_out.total()
        report.images.left_out.update(found.images_left_out)
        annotations = sum(len(sample.annotations) for sample in samples)
        report.annotations.came_in += annotations + found.annotations_left_out.total()
        report.annotations.left_out.update(found.annotations_left_out)
        report.changed.update(found.changed)

    def _may_be_shown(self, number: int, document: Document) -> bool:
        """Tell whether a document is to be read: names tell of most that a filter hides."""
        if number in self._scan.several:
            return True
        owner = owner_of(document, None, None)
        return all(selection.takes(*owner, document.batch_id) for selection in self._selections)

    def _count_left_out_documents(self) -> None:
        if not self._selections:
            self._report.documents.came_in += self._documents.left_out.total()
            self._report.documents.left_out.update(self._documents.left_out)

    def _warnings(self) -> Iterator[str]:
        yield from self._documents.warnings
        yield from self._scan.table.conflicts
        if self._altered:
            yield f"{_counted(self._altered, 'document is', 'documents are')} not as downloaded."
        if self._places.missing_assets:
            what = _counted(self._places.missing_assets, "downloaded image is", "downloaded images are")
            yield f"{what} not there any more."


def shown_of(items: Iterable[Item], selections: Sequence[Selection]) -> Iterator[Item]:
    """Yield what all filters show."""
    for item in items:
        shown: Item | None = item
        for selection in selections:
            shown = None if shown is None else selection.of_item(shown)
        if shown is not None:
            yield shown


def _counted(count: int, one: str, more: str) -> str:
    return f"{count:,} {one if count == 1 else more}"
