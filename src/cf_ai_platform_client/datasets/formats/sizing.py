"""Sizes of images for formats that stand on them: as documents have them, held against the files."""

from __future__ import annotations

from ..extras import MissingExtra
from ..image_files import ImageFacts, UnreadableImage, can_look, image_facts
from ..records import Sample
from ..report import counted
from .walking import Size


class Sizes:
    """Gives the size of each image, and counts those of which readers that turn images by EXIF have another one.

    OpenCV, and with it Ultralytics and supervision, turn an image as its EXIF tag says; coordinates are of the size
    that the document tells, so where the two differ all objects lie in the wrong place.
    """

    def __init__(self) -> None:
        self._differing = self._unseen = 0

    def of(self, sample: Sample) -> Size | None:
        """Return the size that the document tells, else that of the file as stored; None where nothing tells it."""
        return self.with_channels(sample)[0]

    def with_channels(self, sample: Sample) -> tuple[Size | None, int]:
        """Return also how many channels the file has, 3 where it cannot be looked at."""
        facts = _facts(sample.path) if sample.path is not None else None
        size = _told(sample) or ((facts.width, facts.height) if facts is not None else None)
        if facts is not None and size != facts.oriented:
            self._differing += 1
        if size is None and sample.path is not None and not can_look():
            self._unseen += 1
        return size, 3 if facts is None else facts.channels

    def warnings(self) -> list[str]:
        """Tell how many images have another size for readers that turn them, and how many sizes Pillow would know."""
        found: list[str] = []
        if self._differing:
            what = counted(self._differing, "image is", "images are")
            found.append(
                f"{what} turned by EXIF, or not of the size that its document tells: OpenCV and Ultralytics would find "
                "the objects elsewhere; `cf-ai dataset validate` tells which."
            )
        if self._unseen:
            found.append(
                f"The size of {counted(self._unseen, 'image')} could be read from their files with Pillow: "
                "pip install 'cf-ai-platform-client[images]'."
            )
        return found


def _told(sample: Sample) -> Size | None:
    image = sample.image
    return (image.width, image.height) if image.width and image.height else None


def _facts(path: str) -> ImageFacts | None:
    try:
        return image_facts(path)
    except (MissingExtra, UnreadableImage):
        return None
