"""Images that a library turns, although their documents mean them as they are stored."""

from __future__ import annotations

import warnings

from ..image_files import UnreadableImage, image_facts
from ..records import Sample
from ..report import Report


class ExifWatch:
    """Counts the images that `tool` turns as their EXIF orientation says, and whose boxes do not fit then."""

    def __init__(self, tool: str) -> None:
        self._tool = tool
        self._count = 0
        self._first = ""

    def look(self, sample: Sample) -> None:
        """Look at a sample's image; what cannot be read is for others to tell."""
        if sample.path is None:
            return
        try:
            facts = image_facts(sample.path)
        except UnreadableImage:
            return
        told = (sample.image.width, sample.image.height)
        if facts.orientation != 1 and told == (facts.width, facts.height):
            self._count += 1
            self._first = self._first or sample.document

    def tell(self, report: Report | None) -> None:
        """Tell it in a report, as a Python warning where there is none."""
        if not self._count:
            return
        sentence = (
            f"{self._tool} turns images as their EXIF orientation says, but the documents of {self._count:,} mean them "
            f"as they are stored: their boxes do not fit there (the first is in {self._first})."
        )
        if report is None:
            warnings.warn(sentence, stacklevel=4)
        else:
            report.warnings.append(sentence)
