from __future__ import annotations

import os
import zipfile
from pathlib import Path

import pytest

from cf_ai_platform_client.adapters.zip_files import ZipArchive
from cf_ai_platform_client.core.zip_members import ExtractLimits, Member, iter_members
from cf_ai_platform_client.errors import ArchiveError, DiskError

from ..zips import Made, deflate, entry, local_header, zip_of

LIMITS = ExtractLimits()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "export.zip"


def opened(path: Path, content: bytes | None = None, limits: ExtractLimits = LIMITS) -> ZipArchive:
    if content is not None:
        path.write_bytes(content)
    return ZipArchive.open(str(path), limits)


def contents(archive: ZipArchive) -> dict[str, bytes]:
    try:
        return {member.name: b"".join(archive.read(member)) for member in iter_members(archive.members)}
    finally:
        archive.close()


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
@pytest.mark.parametrize("size", [0, 1, 200_000])
def test_what_the_standard_library_writes_is_read(path: Path, method: int, size: int) -> None:
    expected = {f"plots/{number}.json": bytes([number]) * size for number in range(3)}
    with zipfile.ZipFile(path, "w", method) as made:
        made.mkdir("plots") if hasattr(made, "mkdir") else made.writestr("plots/", "")
        for name, content in expected.items():
            made.writestr(name, content)
        made.comment = b"from a test"
    assert contents(opened(path)) == expected


def test_what_it_streams_and_widens_is_read(path: Path) -> None:
    """Without seeking it writes the sizes after the data, with `force_zip64` wide ones."""
    reading, writing = os.pipe()
    with os.fdopen(writing, "wb") as out, zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as made:
        with made.open("é.csv", "w", force_zip64=True) as member:
            member.write(b"id\n1\n")
        made.writestr("b.json", "{}")
    with os.fdopen(reading, "rb") as source:
        path.write_bytes(source.read())
    assert contents(opened(path)) == {"é.csv": b"id\n1\n", "b.json": b"{}"}


def test_more_members_than_the_old_end_can_count(path: Path) -> None:
    made = Made("x", b"", method=0)
    headers, directory = bytearray(), bytearray()
    for number in range(70_000):
        each = Made(str(number), b"", method=0)
        directory += entry(each, len(headers))
        headers += local_header(each)
    assert made.data == b""
    from ..zips import ending

    path.write_bytes(headers + directory + ending(70_000, len(directory), len(headers), wide=True))
    archive = opened(path)
    archive.close()
    assert len(archive.members) == 70_000
    with pytest.raises(ArchiveError, match=r"export\.zip: It holds 70000 members, more than the 69999 allowed"):
        opened(path, limits=ExtractLimits(max_members=69_999))


def test_a_member_longer_than_a_piece_comes_in_pieces(path: Path) -> None:
    archive = opened(path, zip_of(Made("a", bytes(3 << 20)), Made("b", os.urandom(1 << 20), method=0)))
    first, second = iter_members(archive.members)
    assert max(map(len, archive.read(first))) <= 1 << 20
    assert max(map(len, archive.read(second))) <= 1 << 16
    archive.close()


def test_what_is_wrong_names_the_file(path: Path) -> None:
    with pytest.raises(ArchiveError, match=f"^{path}: It is no whole zip file: its end is missing. Download"):
        opened(path, b"<html>")


@pytest.mark.parametrize("extra", [b"\7\0\4\0abcd", bytes(2000)])
def test_a_header_that_moves_its_data_onto_the_next_member(path: Path, extra: bytes) -> None:
    archive = opened(path, zip_of(Made("a", b"x" * 50, method=0), Made("b", b"y")))
    content = bytearray(path.read_bytes())
    content[28:30] = len(extra).to_bytes(2, "little")
    path.write_bytes(content)
    first = next(iter_members(archive.members))
    with pytest.raises(ArchiveError, match="The member a shares bytes with another one") as caught:
        list(archive.read(first))
    assert caught.value.code == "too_large"
    archive.close()


def test_a_file_that_is_written_to_is_seen(path: Path) -> None:
    archive = opened(path, zip_of(Made("a", b"x")))
    archive.check_unchanged()
    with path.open("ab") as file:
        file.write(b"more")
    with pytest.raises(ArchiveError, match="It changed while it was read") as caught:
        archive.check_unchanged()
    assert caught.value.code == "mismatch"
    archive.close()


def test_a_file_of_the_same_size_written_later_is_seen(path: Path) -> None:
    archive = opened(path, zip_of(Made("a", b"x")))
    found = path.stat()
    os.utime(path, ns=(found.st_atime_ns, found.st_mtime_ns + 1))
    with pytest.raises(ArchiveError, match="It changed"):
        archive.check_unchanged()
    archive.close()


def test_another_file_in_its_place_is_not_read(path: Path) -> None:
    archive = opened(path, zip_of(Made("a", b"x")))
    other = path.with_name("other.zip")
    other.write_bytes(zip_of(Made("a", b"y")))
    if os.name == "posix":
        other.replace(path)
    archive.check_unchanged()
    assert contents(archive) == {"a": b"x"}


@pytest.mark.parametrize("kind", ["missing", "folder", "pipe"])
def test_what_is_no_file(path: Path, kind: str) -> None:
    if kind == "folder":
        path.mkdir()
    elif kind == "pipe":
        if not hasattr(os, "mkfifo"):
            pytest.skip("no pipes here")
        os.mkfifo(path)
    with pytest.raises(DiskError, match=r"export\.zip cannot be read: ") as caught:
        opened(path)
    assert caught.value.filename == str(path)
    assert caught.value.errno


def test_a_file_that_shrinks_while_it_is_read(path: Path) -> None:
    archive = opened(path, zip_of(Made("a", os.urandom(500_000))))
    (member,) = iter_members(archive.members)
    pieces = archive.read(member)
    next(pieces)
    os.truncate(path, 100_000)
    with pytest.raises(ArchiveError, match="is cut short"):
        list(pieces)
    archive.close()


def test_a_broken_file_is_closed(path: Path) -> None:
    for content in (b"", zip_of(Made("a"), total=2), zip_of(Made("a", listed={"offset": 9}), Made("b"))):
        with pytest.raises(ArchiveError):
            opened(path, content)  # a file left open is a ResourceWarning, which fails


def test_members_may_have_gaps_between_them(path: Path) -> None:
    archive = opened(path, zip_of(Made("a", b"x", after=b"PK\7\x08" + bytes(12)), Made("b", b"y")))
    assert [type(each) for each in archive.members] == [Member, Member]
    assert contents(archive) == {"a": b"x", "b": b"y"}


def test_deflate_of_another_level_is_deflate(path: Path) -> None:
    assert contents(opened(path, zip_of(Made("a", b"x" * 99, packed=deflate(b"x" * 99))))) == {"a": b"x" * 99}
