"""All that is looked for in a document: what reading found, its records, other documents, and the images themselves."""

from __future__ import annotations

from collections.abc import Sequence

from .across_documents import AcrossDocuments
from .findings import Finding
from .image_checks import check_boxes, check_size
from .image_files import UnreadableImage, image_facts
from .image_sizes import fill_size
from .notes import At, Notes, shown
from .reading import Reading
from .record_checks import RecordChecks
from .records import Annotation
from .sources import Source


class DocumentChecks:
    """Checks one document after the other; `looks` says whether images are opened, `images_missing` counts in vain."""

    def __init__(self, *, looks: bool) -> None:
        self.looks = looks
        self.images_missing = 0
        self._across = AcrossDocuments()

    def check(self, source: Source) -> list[Finding]:
        """Return what is wrong; a size that a document lacks is filled in, as a repair, where its image has it."""
        found, notes = source.reading, Notes(source.document)
        if found.data is None:
            return found.findings
        checks = RecordChecks(found.images, notes)
        for at, annotation in zip(found.annotation_places, found.annotations, strict=True):
            checks.check(annotation, ("annotations", at))
        paths = [source.image_path(image) for image in found.images]
        self._across.check(source.item_ids, found, paths, notes)
        if self.looks:
            self._check_images(found, paths, notes)
        return found.findings + notes.findings

    def _check_images(self, found: Reading, paths: Sequence[str | None], notes: Notes) -> None:
        for number, (at, path) in enumerate(zip(found.image_places, paths, strict=True)):
            image, here = found.images[number], ("images", at)
            if path is None:
                self.images_missing += 1
                continue
            try:
                facts = image_facts(path)
            except UnreadableImage as error:
                notes.tell("image_unreadable", here, f"The image {shown(image.file_name)} cannot be read: {error}.")
                continue
            check_size(image, facts, here, notes)
            if (size := fill_size(found, at, number, facts)) is not None:
                check_boxes(_annotations_of(found, image.id), size, notes)


def _annotations_of(found: Reading, image_id: object) -> list[tuple[At, Annotation]]:
    pairs = zip(found.annotation_places, found.annotations, strict=True)
    return [(("annotations", at), each) for at, each in pairs if each.image_id == image_id]
