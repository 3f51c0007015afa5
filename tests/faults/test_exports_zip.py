"""Zip files of exports that are broken or made to harm: refused before any member is written."""

from __future__ import annotations

import os
import re
import signal
import struct
import subprocess
import sys
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from cf_ai_platform_client import ExtractLimits, extract_export, read_export
from cf_ai_platform_client.adapters.whole_zip import check_zip
from cf_ai_platform_client.core.naming import is_safe
from cf_ai_platform_client.errors import ArchiveError, CFError, DiskError, ResponseError

from ..adapters.disks import files_of_at_most
from ..conftest import files_below
from ..zips import Made, bomb_of_quotes, deflate, ending, entry, local_header, zip_of

GOOD = Made("good.json", b'{"images": []}')
LINK, PIPE, DEVICE = 0o120777, 0o010644, 0o020666
MILLION = 1_000_000
Extracting = Callable[..., CFError]


def everything(folder: Path) -> dict[str, tuple[int, bytes | None]]:
    return {
        str(path): (path.lstat().st_mode, path.read_bytes() if path.is_file() else None)
        for path in sorted(folder.rglob("*"))
    }


@pytest.fixture
def export(tmp_path: Path) -> Path:
    (tmp_path / "outside.txt").write_bytes(b"as it was")
    (tmp_path / "out").mkdir()
    (tmp_path / "out/mine.json").write_bytes(b"mine")
    return tmp_path / "export.zip"


@pytest.fixture
def refused(export: Path) -> Extracting:
    """Return what extracts a zip file that must be refused: nothing may be written, there or into a new folder.

    And it takes little memory.
    """

    def extract(content: bytes, **options: Any) -> CFError:
        export.write_bytes(content)
        before = everything(export.parent)
        for folder in ("out", "new/folder"):
            tracemalloc.start()
            with pytest.raises((ArchiveError, DiskError)) as caught:
                extract_export(export, export.parent / folder, **options)
            _, peak = tracemalloc.get_traced_memory()
            tracemalloc.stop()
            assert peak < 4 << 20, "it took more memory than a few pieces"
            assert everything(export.parent) == before, "something was written"
        return caught.value

    return extract


def with_good(made: Made) -> bytes:
    return zip_of(GOOD, made, Made("last.csv", b"id\n1\n"))


@pytest.mark.parametrize(
    "name",
    [
        "../x",
        "../../outside.txt",
        "a/../../x",
        "a/..",
        "..",
        ".",
        "a/./x",
        "",
        "a//x",
        "/etc/x",
        "//server/share/x",
        "/",
        "C:/x",
        "c:",
        "..\\x",
        "a\\..\\..\\x",
        "C:\\x",
        "\\\\server\\x",
        "x.json\0.exe",
        "\0",
        ".. /x",
        ". ./x",
        "../",
        "/a/",
        "x" * 256,
        "/".join("d" * 40),
        b"..\xff/../x",
        "..\x1b[31m/../x",
    ],
)
def test_e7_a_name_that_leads_elsewhere(name: str | bytes, refused: Extracting) -> None:
    error = refused(with_good(Made(name, b"" if str(name).endswith("/") else b"{}")))
    assert (error.code, error.retryable) == ("unsafe_name", False)
    assert str(error).isprintable()


@pytest.mark.parametrize("name", [".\u200b.", "a/\ufeff/x", "..\u2060/x", "\u00ad"])
def test_e7_a_name_that_is_hidden_by_what_is_not_seen(name: str, refused: Extracting) -> None:
    assert refused(with_good(Made(name, b"{}"))).code == "unsafe_name"


def test_e7_names_that_fill_the_memory(refused: Extracting) -> None:
    long = [Made(f"{number:06}" + "x" * 65_000) for number in range(200)]
    assert refused(zip_of(GOOD, *long)).code == "unsafe_name"


def test_e7_folders_that_fill_the_memory(export: Path) -> None:
    export.write_bytes(zip_of(*(Made("/".join([f"{number:05}", *["d" * 30] * 31])) for number in range(4000))))
    tracemalloc.start()
    with pytest.raises(ArchiveError, match="over 8000 folders"):
        extract_export(export, export.parent / "new", limits=ExtractLimits(max_members=4000))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 40 << 20


GAP = zip_of(GOOD).replace(b"PK\5\6", b"JUNKPK\5\6")
COUNTS_ONE = zip_of(GOOD, Made("last.csv", b"id\n1\n"), total=1)


@pytest.mark.parametrize(
    ("content", "members"),
    [
        (zip_of(GOOD), 1),
        (zip_of(GOOD, wide=True), 1),
        (zip_of(GOOD, comment=b"PK\5\6" + bytes(26)), 1),
        (GAP, None),
        (COUNTS_ONE, None),
        (zip_of(GOOD) + bytes(512), None),
        (zip_of(GOOD) + b"\n", None),
        (b"#!/bin/sh\n" + zip_of(GOOD), None),
        (zip_of(GOOD).replace(b"PK\3\4", b"MZ\3\4", 1), None),
        (zip_of(GOOD) + zip_of(GOOD), None),
        (b"", None),
    ],
    ids=["whole", "wide", "comment", "gap", "count", "zeros", "newline", "before", "beginning", "twice", "empty"],
)
def test_e7_the_check_of_a_download_and_the_reader_agree(content: bytes, members: int | None, export: Path) -> None:
    export.write_bytes(content)
    with export.open("rb") as file:
        if members is None:
            with pytest.raises(ResponseError):
                check_zip(file.fileno())
            with pytest.raises(ArchiveError):
                read_export(export)
        else:
            check_zip(file.fileno())
            assert len(list(read_export(export))) == members


@pytest.mark.parametrize("mode", [LINK, PIPE, DEVICE, 0o060666, 0o140666])
@pytest.mark.parametrize("name", ["x", "x/"])
def test_e7_a_link_or_a_special_file(mode: int, name: str, refused: Extracting) -> None:
    assert refused(with_good(Made(name, b"" if name == "x/" else b"/etc", mode=mode))).code == "unsafe_name"


def test_e7_a_link_and_a_file_through_it(refused: Extracting) -> None:
    assert refused(zip_of(Made("d", b"..", mode=LINK), Made("d/outside.txt", b"altered"))).code == "unsafe_name"


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("x.json", "x.json"),
        ("x.json", "X.JSON"),
        ("\u00e9", "e\u0301"),
        ("\u00e9", "E\u0301"),
        ("stra\u00dfe", "STRASSE"),
        ("a:b", "a_b"),
        ("con", "_CON"),
        ("x", "x. "),
        ("d/x", "D/x."),
        ("a.json", "a\u200b.json"),
        ("a.json", "\ufeffA\u00ad.json"),
        ("d/x", "d\u2060/x\ufe0f"),
        ("d\u200d", "d/x"),
        ("d", "d/x"),
        ("d/x", "D"),
    ],
)
def test_e7_twins(one: str, other: str, refused: Extracting) -> None:
    assert refused(zip_of(Made(one, b"1"), GOOD, Made(other, b"2"))).code == "unsafe_name"


@pytest.mark.parametrize("method", [0, 8])
@pytest.mark.parametrize("told", ["listed", "local", "both"])
def test_e7_a_checksum_that_differs_in_the_last_member(method: int, told: str, refused: Extracting) -> None:
    wrong = {"crc": 1}
    made = Made(
        "x.json",
        b"{}",
        method,
        listed=wrong if told != "local" else {},
        local=wrong if told != "listed" else {},
    )
    assert refused(zip_of(GOOD, made)).code == ("checksum" if told == "both" else "mismatch")


def test_e7_one_bit_that_fell_over(refused: Extracting) -> None:
    content = bytearray(zip_of(GOOD, Made("x.json", b"{}" * 50, method=0)))
    content[content.index(b"{}{}") + 3] ^= 1
    assert refused(bytes(content)).code == "checksum"


@pytest.mark.parametrize(
    ("made", "code"),
    [
        (Made("x", b"{}", flags=1), "invalid_item"),
        (Made("x", b"{}", flags=0x2041), "invalid_item"),
        (Made("x", b"{}", flags=0x20), "invalid_item"),
        (Made("x", b"{}", method=12, packed=b"BZh9"), "invalid_item"),
        (Made("x", b"{}", method=99, packed=b"{}"), "invalid_item"),
        (Made("x", b"{}", packed=b"\xff\xff"), "truncated"),
        (Made("x", b"{}" * 99, packed=deflate(b"{}" * 99)[:-2]), "truncated"),
        (Made("x", b"{}", packed=deflate(b"{}") + b"more"), "truncated"),
        (Made("x", b"{}", local={"name": b"y"}), "mismatch"),
        (Made("x", b"{}", local={"mark": b"PK\1\2"}), "mismatch"),
        (Made("x", b"{}", listed={"offset": 1 << 31}), "truncated"),
        (Made("x", b"{}", listed={"compressed": 1 << 31}), "too_large"),
    ],
)
def test_e7_what_cannot_be_read(made: Made, code: str, refused: Extracting) -> None:
    assert refused(with_good(made)).code == code


BOMB = bytes(20 << 20)


@pytest.mark.parametrize(
    "content",
    [
        zip_of(GOOD, Made("bomb.json", BOMB)),
        zip_of(GOOD, *(Made(f"{number}.json", bytes(1 << 20)) for number in range(20))),
        zip_of(GOOD, Made("bomb", BOMB, listed={"size": 1000}, local={"size": 1000})),
        zip_of(GOOD, Made("bomb", BOMB, listed={"size": 1000, "compressed": 10}, local={"size": 0, "compressed": 0})),
        zip_of(GOOD, Made("bomb", b"", wide=True, listed={"size": 1 << 60})),
        zip_of(GOOD, Made("x", b"x", listed={"offset": 0})),
        bomb_of_quotes(1 << 20, 500),
    ],
    ids=["ratio", "many", "lying size", "lying sizes", "exabyte", "same bytes", "quotes"],
)
def test_e7_a_bomb(content: bytes, refused: Extracting) -> None:
    assert refused(content).code in {"too_large", "mismatch"}


def test_e7_a_bomb_that_hides_its_quotes_in_extra_fields(refused: Extracting) -> None:
    inner = local_header(Made("b", bytes(1000))) + Made("b", bytes(1000)).data
    outer = Made("a", bytes(1000), local={"extra": struct.pack("<HH", 7, len(local_header(Made("b")))) + inner[:31]})
    data = local_header(outer) + inner[31:]
    at = data.index(b"PK\3\4", 4)
    directory = entry(Made("a", bytes(1000)), 0) + entry(Made("b", bytes(1000)), at)
    error = refused(data + directory + ending(2, len(directory), len(data)))
    assert error.code == "too_large"


@pytest.mark.parametrize("limits", [{"max_total_bytes": 20}, {"max_member_bytes": 13}, {"max_members": 1}])
def test_e7_beyond_the_users_limits(limits: dict[str, int], refused: Extracting) -> None:
    error = refused(zip_of(GOOD, Made("b.json", b"[1, 2, 3]")), limits=ExtractLimits(**limits))
    assert error.code == "too_large"
    assert next(iter(limits)) in str(error)


def a_million(**end: Any) -> bytes:
    directory = entry(Made("x"), 0) * MILLION
    data = local_header(Made("x")) + Made("x").data
    return data + directory + ending(MILLION, len(directory), len(data), wide=True, **end)


@pytest.mark.parametrize(
    ("end", "code"),
    [
        ({}, "too_large"),
        ({"count": 5}, "truncated"),
        ({"wide_count": 5}, "truncated"),
    ],
)
def test_e7_a_million_members(end: dict[str, int], code: str, refused: Extracting) -> None:
    assert refused(a_million(**end)).code == code


def test_e7_a_million_members_that_an_old_end_counts_as_fewer(refused: Extracting) -> None:
    directory = entry(Made("x"), 0) * MILLION
    data = local_header(Made("x")) + Made("x").data
    error = refused(data + directory + ending(MILLION & 0xFFFF, len(directory), len(data)))
    assert error.code in {"truncated", "too_large"}


@pytest.mark.parametrize("size", [0, 1, 21, 22, 40, 100, -1])
def test_e7_a_zip_file_cut_anywhere(size: int, refused: Extracting) -> None:
    assert refused(with_good(GOOD)[:size]).code == "truncated"


def test_e7_a_folder_or_a_file_that_is_in_the_way(export: Path) -> None:
    error = refused_in_out(export, zip_of(GOOD, Made("mine.json", b"{}")))
    assert "is there already: nothing was extracted" in str(error)
    error = refused_in_out(export, zip_of(GOOD, Made("mine.json/x", b"{}")), overwrite=True)
    assert "something that is no folder stands in the way" in str(error)
    (export.parent / "out/folder").mkdir()
    error = refused_in_out(export, zip_of(Made("mine.json", b"new"), Made("folder", b"{}")), overwrite=True)
    assert "a folder stands in its place" in str(error)


def refused_in_out(export: Path, content: bytes, **options: Any) -> DiskError:
    export.write_bytes(content)
    before = everything(export.parent)
    with pytest.raises(DiskError) as caught:
        extract_export(export, export.parent / "out", **options)
    assert everything(export.parent) == before
    return caught.value


def test_e7_a_disk_that_is_full_leaves_nothing_half(export: Path) -> None:
    big = Made("plots/big.json", b"x" * 100_000)
    with files_of_at_most(50_000):
        error = refused_in_out(export, zip_of(GOOD, Made("mine.json", b"new"), big), overwrite=True)
    assert error.code == "disk_full"


def test_e7_what_is_sound_is_extracted(export: Path) -> None:
    export.write_bytes(with_good(Made("plots/con/a:b?.json", b"{}", mode=0o104777)))
    extract_export(export, export.parent / "out")
    assert files_below(export.parent / "out") == {
        "good.json": GOOD.content,
        "last.csv": b"id\n1\n",
        "mine.json": b"mine",
        "plots/_con/a_b_.json": b"{}",
    }


def test_e7_memory_does_not_depend_on_a_members_size(export: Path) -> None:
    export.write_bytes(zip_of(Made("big.csv", b"id\n" + b"7\n" * (16 << 20))))
    tracemalloc.start()
    done = extract_export(export, export.parent / "out", limits=ExtractLimits(max_ratio=2000))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert done.bytes == (32 << 20) + 3
    assert peak < 6 << 20


READ_AND_NOT = [
    (Made("../x.json", b"{}"), "part in its name"),
    (Made("/x.json", b"{}"), "absolute"),
    (Made("x.json", b"..", mode=LINK), "is a link"),
    (Made("x.json", b"{}", flags=1), "is encrypted"),
    (Made("x.json", b"{}", listed={"crc": 1}, local={"crc": 1}), "its checksum"),
    (Made("x.json", BOMB), "is suspicious"),
    (Made("x.json", BOMB, listed={"size": 1000}, local={"size": 1000}), "larger than the file says"),
    (Made("GOOD.json", b"{}"), "the name of another one"),
    (Made("x.json", b"[" * 500_000), "nested too deeply"),
    (Made("x.json", b'{"x": ' + b"9" * 5000 + b"}"), "a number in it is too long"),
    (Made("x.csv", b'"' * 99_999), "is larger than|within quotes"),
    (Made("x.jsonl", b"\0" * 999), "no JSON"),
]


@pytest.mark.parametrize(("made", "why"), READ_AND_NOT)
def test_e7_a_reader_passes_over_such_a_member_and_says_so(made: Made, why: str, export: Path) -> None:
    export.write_bytes(with_good(made))
    before = everything(export.parent)
    with read_export(export) as records:
        assert [record.member for record in records] == ["good.json", "last.csv"]
        (unread,) = records.unread
    assert re.search(why, unread.reason), unread.reason
    assert everything(export.parent) == before


@pytest.mark.parametrize("name", ["x\x1b[31m.json", ".bashrc", "CON", "a:b.json", "x\u202egpj.exe", "y.", ".cf-ai/x"])
def test_rule_5_a_member_is_named_by_the_one_function(name: str, export: Path) -> None:
    export.write_bytes(zip_of(Made(f"plots/{name}", b"{}")))
    done = extract_export(export, export.parent / "fresh")
    (path,) = (Path(path).relative_to(export.parent / "fresh") for path in done.paths)
    assert all(map(is_safe, path.parts))
    assert not [path for path in (export.parent / "fresh").rglob("*") if not str(path).isprintable()]


def test_rule_11_reading_extracts_nothing(export: Path) -> None:
    export.write_bytes(with_good(Made("a/b.json", b"[{}]")))
    before = everything(export.parent)
    with read_export(export) as records:
        assert len([*records]) == 3
    assert everything(export.parent) == before


@pytest.mark.parametrize("bad", [0, 50, 99])
def test_rule_11_every_member_is_checked_before_the_first_is_written(bad: int, refused: Extracting) -> None:
    wrong = {"crc": 1}
    members = [Made(f"d{number}/x", b"{}") for number in range(100)]
    members[bad] = Made("x", b"{}", listed=wrong, local=wrong)
    assert refused(zip_of(*members)).code == "checksum"


KILLED = """
import os, signal, sys
from cf_ai_platform_client import extract_export
left = int(sys.argv[3])
def look(event, _):
    global left
    if event in {"os.mkdir", "os.rename", "os.remove"}:
        left -= 1
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)
sys.addaudithook(look)
extract_export(sys.argv[1], sys.argv[2])
"""


@pytest.mark.skipif(os.name != "posix", reason="there is no SIGKILL")
@pytest.mark.parametrize("step", [3, 5, 6, 7, 8])
def test_d4_what_a_killed_extraction_left_is_cleared_by_the_next(step: int, tmp_path: Path) -> None:
    export, out = tmp_path / "export.zip", tmp_path / "out"
    export.write_bytes(zip_of(GOOD, Made("a/b.csv", b"id\n"), Made("c.json", b"[]")))
    killed = subprocess.run([sys.executable, "-c", KILLED, str(export), str(out), str(step)], check=False)
    assert killed.returncode == -signal.SIGKILL
    assert (out / ".cf-ai").is_dir()
    extract_export(export, out, overwrite=True)
    assert files_below(out) == {"good.json": GOOD.content, "a/b.csv": b"id\n", "c.json": b"[]"}
    assert not (out / ".cf-ai").exists()
