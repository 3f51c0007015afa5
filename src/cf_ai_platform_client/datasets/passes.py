"""One pass over documents: read one by one, shown as far as filters let, and told of in a report."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from .documents import Document, Documents, read_file
from .emptied import Emptied
from .filtering import Selection
from .image_places import ImagePlaces
from .notes import reason
from .reading import Reading, read_document
from .records import Item, Sample
from .report import Report, counted
from .samples import items_of, owner_of
from .scanning import Scan
from .shared_images import SharedImages


class Pass:
    """Reads documents for one iteration; what filters hide is not counted."""

    def __init__(self, documents: Documents, scan: Scan, selections: Sequence[Selection], report: Report) -> None:
        self._documents = documents
        self._scan = scan
        self._selections = selections
        self._report = report
        self._places = ImagePlaces(documents.root)
        self._emptied = Emptied()
        self._altered = 0
        self._bytes = 0

    def items(self) -> Iterator[Item]:
        """Yield what is shown, and complete the report."""
        self._count_left_out_documents()
        shared = SharedImages()
        for number, document in enumerate(self._documents.found):
            shown = self.items_in(number)
            paths = [sample.path for item in shown for sample in item.samples]
            if len(paths) > 1 and document.work_item_id is None:  # what is one image a document is not remembered
                shared.see(document.path, paths)
            yield from shown
        self._report.emptied += self._emptied.by_reading
        self._report.warnings += [*self._warnings(), *shared.warnings()]

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
            everything = items_of(document, found, self._scan.table, self._places)
        except LookupError as error:
            raise self.changed(number) from error
        shown = list(shown_of(everything, self._selections))
        if shown or not self._selections:
            self._count(found, shown)
            self._emptied.see(found, everything, shown)
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
        report.changed.update(found.changed_in(_places_of(found, samples) if self._selections else None))

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
            yield f"{counted(self._altered, 'document is', 'documents are')} not as downloaded."
        if self._places.missing_assets:
            what = counted(self._places.missing_assets, "downloaded image is", "downloaded images are")
            yield f"{what} not there any more."
        if self._emptied.by_filters:
            what = f"Filters hide all objects of {counted(self._emptied.by_filters, 'image')}"
            yield f"{what}: trained on, they are taken for images of nothing; keep_empty=False leaves them out."


def shown_of(items: Iterable[Item], selections: Sequence[Selection]) -> Iterator[Item]:
    """Yield what all filters show."""
    for item in items:
        shown: Item | None = item
        for selection in selections:
            shown = None if shown is None else selection.of_item(shown)
        if shown is not None:
            yield shown


def _places_of(found: Reading, samples: Iterable[Sample]) -> set[tuple[str, int]]:
    """Return where in their document's lists the images and annotations stand that are shown."""
    shown: set[int] = set()
    for sample in samples:
        shown.add(id(sample.image))
        shown.update(map(id, sample.annotations))
    images = zip(found.images, found.image_places, strict=True)
    annotations = zip(found.annotations, found.annotation_places, strict=True)
    return {("images", at) for image, at in images if id(image) in shown} | {
        ("annotations", at) for annotation, at in annotations if id(annotation) in shown
    }
