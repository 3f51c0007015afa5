from __future__ import annotations

import struct
import warnings
import zlib
from pathlib import Path

import pytest

from cf_ai_platform_client.datasets.image_files import ImageFacts, UnreadableImage, image_facts

pillow = pytest.importorskip("PIL.Image")


def png(width: int, height: int) -> bytes:
    """Return a PNG that says that it is so large, with next to no pixels."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    parts = chunk(b"IHDR", header), chunk(b"IDAT", zlib.compress(bytes(100))), chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


def large(kind: str, path: Path, side: int) -> None:
    """Write a small image, and put other sides into its header."""
    exif = pillow.Exif()
    exif[0x0112] = 6
    pillow.new("RGB", (7, 9)).save(path, kind, exif=exif)
    content = bytearray(path.read_bytes())
    if kind == "JPEG":
        at = content.index(b"\xff\xc0") + 5
        content[at : at + 4] = struct.pack(">HH", side, side)
    else:
        for tag in (256, 257):
            at = content.index(struct.pack("<HHI", tag, 4, 1)) + 8
            content[at : at + 4] = struct.pack("<I", side)
    path.write_bytes(content)


@pytest.mark.parametrize("side", [12_000, 14_000, 2**31 - 1])
def test_a_size_is_read_however_large_it_is(tmp_path: Path, side: int) -> None:
    before = pillow.MAX_IMAGE_PIXELS
    (tmp_path / "a.png").write_bytes(png(side, side))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert image_facts(tmp_path / "a.png") == ImageFacts(side, side)
    assert before == pillow.MAX_IMAGE_PIXELS


@pytest.mark.parametrize(("kind", "side"), [("JPEG", 14_000), ("JPEG", 65_500), ("TIFF", 40_000)])
def test_the_orientation_of_a_large_image_is_read(tmp_path: Path, kind: str, side: int) -> None:
    large(kind, tmp_path / "a", side)
    assert image_facts(tmp_path / "a") == ImageFacts(side, side, orientation=6)


def test_a_large_image_that_is_cut_short_is_told(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(png(14_000, 14_000)[:-8])
    with pytest.raises(UnreadableImage, match="cut short"):
        image_facts(tmp_path / "a.png")
