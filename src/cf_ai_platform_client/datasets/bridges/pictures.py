"""The pixels of a sample, as its boxes are meant."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from typing import Any

from ...adapters.disk_errors import unreadable
from ...errors import ItemError
from ..extras import require
from ..records import Sample
from ..size_limit import too_large

_ORIENTATION = 0x0112
_SIDEWAYS = frozenset({5, 6, 7, 8})


def read_picture(sample: Sample, extra: str) -> Any:
    """Read a sample's image as a Pillow image, mode RGB; 16-bit greys are scaled to 8 bits.

    It is turned as its EXIF orientation says where only then its size is the document's; else it is as it is stored.
    Raises ItemError where there is no image, where it cannot be read, or where its size is not the document's.
    """
    with _opened(sample, image_path(sample), extra) as image:
        return _rgb(turned(image, sample))


def image_path(sample: Sample) -> str:
    """Return where a sample's image is. Raises ItemError where it is not on the disk."""
    if sample.path is None:
        raise _item_error(
            sample,
            f"The image {sample.image.file_name!r} is not on the disk.",
            "Download with assets, or put the image beside its document.",
        )
    return sample.path


def turned(image: Any, sample: Sample) -> Any:
    """Turn a Pillow image as its EXIF orientation says, where only then its size is the document's."""
    size = (sample.image.width, sample.image.height)
    if None in size or image.size == size:
        return image
    if image.size == size[::-1] and image.getexif().get(_ORIENTATION) in _SIDEWAYS:
        return require("PIL.ImageOps", "images", "Images").exif_transpose(image)
    (width, height), (told_width, told_height) = image.size, size
    raise _item_error(
        sample,
        f"{sample.path} has {width} × {height} pixels, but the document says {told_width} × {told_height}: "
        "its boxes do not fit.",
        "Correct width and height in the document, or bring the image that was annotated.",
    )


@contextmanager
def _opened(sample: Sample, path: str, extra: str) -> Generator[Any, None, None]:
    """Open an image; what goes wrong until it is closed tells which it is."""
    pil = require("PIL.Image", extra, "Images")
    try:
        with pil.open(path) as image:
            yield image
    except ItemError:
        raise
    except Exception as error:  # Pillow's readers raise almost anything for a broken file
        if isinstance(error, OSError) and error.errno is not None:
            raise unreadable(error, path) from error
        raise _item_error(sample, f"{path} is no image that can be read: {error}.") from error


def _rgb(image: Any) -> Any:
    if image.mode.startswith("I"):  # convert("RGB") would clip 16 bits at 255
        image = image.convert("I").point(_to_8_bits).convert("L")
    return image.convert("RGB")


def _to_8_bits(value: Any) -> Any:
    return value * (1 / 257)


def _item_error(sample: Sample, message: str, hint: str | None = None) -> ItemError:
    where = f"Work item {sample.work_item_id} ({sample.document}): "
    return ItemError(where + message, code="invalid_item", item_id=sample.work_item_id, hint=hint)


def too_large_to_draw(sample: Sample, size: tuple[int, int]) -> ItemError:
    """Return the error that a sample's masks would take too much memory."""
    message = f"The image {sample.image.file_name!r} is of {too_large(*size)}: its masks are not drawn."
    return _item_error(sample, message, "Correct width and height in the document, or pass masks=False.")


def size_of(sample: Sample, extra: str) -> tuple[int, int]:
    """Return width and height as the document has them, else as the image file has them."""
    width, height = sample.image.width, sample.image.height
    if width is not None and height is not None:
        return width, height
    path = image_path(sample)
    with _opened(sample, path, extra) as image:
        found: tuple[int, int] = image.size
    return found
