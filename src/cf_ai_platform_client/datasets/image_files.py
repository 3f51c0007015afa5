"""What an image file is: its size, how EXIF turns it, and whether it is whole."""

from __future__ import annotations

import os
import warnings
from importlib.util import find_spec
from pathlib import Path
from typing import IO, Any, NamedTuple

from .extras import require

_ORIENTATION = 0x0112
_TAIL = 4096
_ENDINGS = {"JPEG": b"\xff\xd9", "MPO": b"\xff\xd9", "PNG": b"IEND"}


class ImageFacts(NamedTuple):
    """Width and height as the pixels are stored, and the EXIF orientation: 1 is upright, 5 to 8 swap the sides.

    Source of the orientations: Exif 2.32, tag 0x0112. `channels` are those of the colours: a palette has three.
    """

    width: int
    height: int
    orientation: int = 1
    channels: int = 3

    @property
    def oriented(self) -> tuple[int, int]:
        """Width and height after EXIF turned the image."""
        return (self.height, self.width) if self.orientation >= 5 else (self.width, self.height)


class UnreadableImage(ValueError):
    """A file is no image, or cut short; the text says which."""


def can_look() -> bool:
    """Tell whether the library that reads images is there."""
    return find_spec("PIL") is not None


def image_facts(path: str | os.PathLike[str]) -> ImageFacts:
    """Read the head of an image, and look whether its end is there. Raises UnreadableImage, and MissingExtra."""
    pillow: Any = require("PIL.Image", "images", "Sizes of images")
    try:
        with Path(path).open("rb") as file, warnings.catch_warnings():
            warnings.simplefilter("ignore")
            picture = _opened(pillow, file)
            facts = ImageFacts(int(picture.width), int(picture.height), _orientation(picture), _channels(picture))
            _check_end(file, str(picture.format))
    except pillow.DecompressionBombError:
        raise UnreadableImage("it has more pixels than Pillow opens") from None
    except Exception as error:  # Pillow's readers raise almost anything for a broken file
        if isinstance(error, UnreadableImage):
            raise
        raise UnreadableImage(_why(error)) from None
    return facts


def _opened(pillow: Any, file: IO[bytes]) -> Any:
    """Open an image of any size: Pillow's limit guards those who decode, and nothing is decoded here."""
    try:
        return pillow.open(file)
    except pillow.DecompressionBombError:
        file.seek(0)
        start = file.read(16)
        for factory, accept in (pillow.OPEN[name] for name in pillow.ID):
            if accept is not None and accept(start) is True:
                file.seek(0)
                return factory(file, "")
        raise


def _orientation(picture: Any) -> int:
    if picture.format == "PNG" and "exif" not in picture.info:
        return 1  # getexif would decode the whole image to look behind it
    found: object = picture.getexif().get(_ORIENTATION, 1)
    return found if isinstance(found, int) and 1 <= found <= 8 else 1


def _channels(picture: Any) -> int:
    return 3 if picture.mode in {"P", "PA"} else len(picture.getbands())


def _check_end(file: Any, kind: str) -> None:
    ending = _ENDINGS.get(kind)
    if ending is None:
        return
    size = file.seek(0, os.SEEK_END)
    file.seek(max(0, size - _TAIL))
    if ending not in file.read():
        raise UnreadableImage("it is cut short")


def _why(error: Exception) -> str:
    if isinstance(error, OSError) and error.strerror:
        return error.strerror.lower()
    return "it is no image, or damaged"
