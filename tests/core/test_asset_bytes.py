from __future__ import annotations

import importlib.resources

import pytest

from cf_ai_platform_client.core.asset_bytes import HEAD, AssetBytes, claimed_kind, told_extension
from cf_ai_platform_client.core.naming import ASSET_KINDS
from cf_ai_platform_client.errors import ResponseError

PNG = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + bytes(20) + b"IEND\xaeB`\x82"
WEBP = b"RIFF" + (24).to_bytes(4, "little") + b"WEBPVP8 " + bytes(16)
EXIF = b"\xff\xe1\0\x0cExif\xff\xd8\xff\xd9\0\0"
JPEG = b"\xff\xd8" + EXIF + b"\xff\xda\0\x02" + bytes(30) + b"\xff\xd9"
PAGE = b"\xef\xbb\xbf\n <!DOCTYPE html><html>"
SVG = b'<?xml version="1.0"?>\n<!-- drawn -->\n<svg xmlns="http://www.w3.org/2000/svg"/>'
SAMPLE = importlib.resources.files("cf_ai_platform_client.sandbox").joinpath("data", "images")


def looked_at(content: bytes, piece: int = 1 << 20) -> AssetBytes:
    found = AssetBytes()
    for start in range(0, len(content), piece):
        found.update(content[start : start + piece])
    return found


def code_of(content: bytes, asset_type: str | None, extension: str, piece: int = 1 << 20) -> str | None:
    try:
        looked_at(content, piece).check(asset_type, extension)
    except ResponseError as error:
        return error.code
    return None


HEADS = {
    b"\xff\xd8\xff\xe0": ".jpg",
    PNG: ".png",
    b"GIF89a": ".gif",
    b"BM\x36\x10\0\0\0\0\0\0": ".bmp",
    b"II*\0": ".tif",
    b"MM\0*": ".tif",
    b"II+\0\x08\0": ".tif",
    WEBP: ".webp",
    b"\0\0\0\x20ftypavif": ".avif",
    b"\0\0\0\x20ftypheic": ".heic",
    b"\0\0\0\x0cjP  \r\n\x87\n": ".jp2",
    b"\xff\x0a\xfa": ".jxl",
    bytes(128) + b"DICM": ".dcm",
    b"P5\n# made\n": ".pgm",
    b"P3 2 2 255": ".ppm",
    b"P1\n": ".pbm",
    b"v/1\x01": ".exr",
    SVG: ".svg",
    b"<svg >": ".svg",
    b"%PDF-1.7": ".pdf",
    b"\0\0\0\x20ftypisom": ".mp4",
    b"\0\0\0\x14ftypqt  ": ".mov",
    b"\0\0\0\x14ftypM4A ": ".m4a",
    b"\x1a\x45\xdf\xa3": ".mkv",
    b"\0\0\x01\xba": ".mpg",
    b"RIFF\0\0\0\0AVI ": ".avi",
    b"RIFF\0\0\0\0WAVE": ".wav",
    b"fLaC": ".flac",
    b"OggS": ".ogg",
    b"ID3\x04": ".mp3",
    b"LASF": ".las",
    b"ply\nformat": ".ply",
    b"# .PCD v.7": ".pcd",
    b"ASTM-E57": ".e57",
}


@pytest.mark.parametrize(("head", "extension"), HEADS.items(), ids=HEADS.values())
def test_the_first_bytes_tell_the_extension(head: bytes, extension: str) -> None:
    assert told_extension(head) == extension
    assert looked_at(head).extension == extension
    assert extension in ASSET_KINDS


@pytest.mark.parametrize(
    "head",
    [b"", b"{}", b"BMW drives", PAGE, b"xxxxxxxxWEBP", b"<html><svg>", b"P9\n", b"<?xml version='1.0'?><Error/>"],
)
def test_others_tell_nothing(head: bytes) -> None:
    assert told_extension(head) is None
    assert looked_at(head).extension == ".bin"


@pytest.mark.parametrize(
    ("asset_type", "extension", "kind"),
    [
        ("image", "", "image"),
        (" IMAGE ", "", "image"),
        ("image/jpeg", "", "image"),
        ("image", ".mp4", "video"),
        (None, ".png", "image"),
        (None, "", None),
        ("", "", None),
        ("document", ".unknown", "document"),
    ],
)
def test_an_asset_claims_what_its_extension_says_else_its_type(
    asset_type: str | None, extension: str, kind: str | None
) -> None:
    assert claimed_kind(asset_type, extension) == kind


@pytest.mark.parametrize("piece", [1, 3, 7, 1 << 20])
@pytest.mark.parametrize("content", [JPEG, PNG, WEBP])
def test_a_whole_image_passes_and_a_cut_one_does_not(content: bytes, piece: int) -> None:
    extension = told_extension(content) or ""
    assert code_of(content, "image", extension, piece) is None
    assert code_of(content + b"appended by a camera", None, extension, piece) is None
    for size in range(16, len(content)):
        assert code_of(content[:size], None, extension, piece) == "truncated"


def test_the_photographs_of_the_sample_are_whole_and_no_part_of_one_is() -> None:
    for file in SAMPLE.iterdir():
        content = file.read_bytes()
        assert code_of(content, "image", ".jpg", 4096) is None
        assert code_of(content[: len(content) * 9 // 10], "image", ".jpg", 4096) == "truncated"


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"\xff\xd8\xff\xff\xff\xff\xda\0\x02ab\xff\xd9", None),  # fill bytes before a marker
        (b"\xff\xd8\xff\x01\xff\xd0\xff\xda\0\x02ab\xff\xd9", None),  # markers without a length
        (b"\xff\xd8\xff\x01\xff\xd9\xff\xd0\xff\xda\0\x02ab", "truncated"),  # an end before the pixels
        (b"\xff\xd8\xff\xe0\0\x04\xff\xd9??\xff\xd9", None),  # what no decoder expects: the end is one
        (b"\xff\xd8\xff\xe0\xff\xff" + bytes(100) + b"\xff\xd9", "truncated"),  # a header longer than the file
        (b"\xff\xd8\xff\xe0\xff\xff" + bytes(HEAD) + b"\xff\xda\0\x02ab\xff\xd9", None),  # one longer than is kept
    ],
)
def test_the_end_of_a_jpeg_is_looked_for_after_its_header(content: bytes, code: str | None) -> None:
    assert code_of(content, None, ".jpg", 10) == code


def segment(marker: int, content: bytes) -> bytes:
    return bytes([0xFF, marker]) + (len(content) + 2).to_bytes(2, "big") + content


@pytest.mark.parametrize("piece", [1, 999, HEAD, 1 << 20])
def test_ends_in_a_header_that_is_longer_than_what_is_kept_are_none_of_the_image(piece: int) -> None:
    long = segment(0xE1, bytes(60_000)) + segment(0xE2, bytes(10_000)) + segment(0xED, b"thumbnail\xff\xd9")
    cut = b"\xff\xd8" + long + segment(0xDA, b"\x01\x01\0\0\x3f\0") + b"cut short"
    assert code_of(cut, "image", ".jpg", piece) == "truncated"
    assert code_of(cut + b"\xff\xd9", "image", ".jpg", piece) is None


@pytest.mark.parametrize(
    ("content", "asset_type", "extension", "code"),
    [
        (PAGE, "image", "", "mismatch"),
        (PAGE, None, ".jpg", "mismatch"),
        (PAGE, None, ".dcm", "mismatch"),
        (b'{"error": "expired"}', "image", "", "mismatch"),
        ("Zugriff verweigert: Größe".encode(), "image", "", "mismatch"),
        (("x" * 511 + "ä").encode(), "image", "", "mismatch"),
        (b"a\xe4b", "image", "", None),
        (b"\0\1\2\3", "image", "", None),
        (b"\0\1\2\3", "image", ".dcm", None),
        (b"\0\1\2\3", "image", ".png", "mismatch"),
        (b"%PDF-1.7", "image", ".jpeg", "mismatch"),
        (PNG, None, ".jpg", None),
        (SVG, "image", ".svg", None),
        (PAGE, None, ".svg", "mismatch"),
        (b"P3 2 2 255", "image", ".ppm", None),
        (PAGE, None, ".mp4", "mismatch"),
        (PAGE, None, ".pdf", "mismatch"),
        (PAGE, "point cloud", "", "mismatch"),
        (PAGE, "text", "", None),
        (PAGE, "document", "", None),
        (PAGE, None, "", None),
        (b"anything", None, ".pdf", None),
        (b"", "image", "", "truncated"),
        (b"", None, "", "truncated"),
        (b"", None, ".mp4", "truncated"),
        (b"", None, ".txt", None),
        (b"", "text", "", None),
    ],
)
def test_what_is_not_what_it_claims_is_refused(
    content: bytes, asset_type: str | None, extension: str, code: str | None
) -> None:
    assert code_of(content, asset_type, extension) == code


def test_a_refusal_says_what_it_is() -> None:
    with pytest.raises(ResponseError, match=r"^The asset is to be an image, and is a page of text\. Nothing was saved"):
        looked_at(PAGE).check("image", "")
    with pytest.raises(ResponseError, match=r"^The asset is to be an image, and is something else\."):
        looked_at(b"%PDF-1\xff\0").check("image", ".png")
    with pytest.raises(ResponseError, match=r"^The asset is to be of the kind video, and is a page of text\."):
        looked_at(PAGE).check(None, ".mp4")
    with pytest.raises(ResponseError, match=r"^The asset is empty\."):
        looked_at(b"").check("image", ".png")
    with pytest.raises(ResponseError, match=r"^The asset is an image that is cut short\."):
        looked_at(PNG[:-1]).check("image", ".png")


def test_no_more_than_the_head_is_kept() -> None:
    found = looked_at(bytes(HEAD * 3), 1000)
    assert (found.size, len(found.head)) == (HEAD * 3, HEAD)
