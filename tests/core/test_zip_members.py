from __future__ import annotations

import stat
from dataclasses import fields
from typing import Any

import pytest

from cf_ai_platform_client.core.zip_members import (
    ExtractLimits,
    Member,
    Refused,
    check_count,
    check_members,
    iter_members,
    safe_path,
)
from cf_ai_platform_client.core.zip_records import Directory, Entry
from cf_ai_platform_client.errors import ArchiveError

FAR = 1 << 40
LIMITS = ExtractLimits()


def listed(name: str | bytes, **told: Any) -> Entry:
    raw = name if isinstance(name, bytes) else name.encode()
    values = {"flags": 0, "method": 8, "crc": 0, "compressed": 10, "size": 10, "offset": 0, "mode": 0}
    return Entry(raw, **{**values, **told})


def in_a_row(*names: str) -> list[Entry]:
    return [listed(name, offset=number * 2000) for number, name in enumerate(names)]


def checked(*entries: Entry, limits: ExtractLimits = LIMITS, end: int = FAR) -> list[Member | Refused]:
    return check_members(entries, Directory(len(entries), end, 0), limits)


def refusal(entry: Entry, limits: ExtractLimits = LIMITS, end: int = FAR) -> ArchiveError:
    (found,) = checked(entry, limits=limits, end=end)
    assert isinstance(found, Refused)
    assert found.name == entry.name
    return found.error


@pytest.mark.parametrize(
    ("name", "path"),
    [
        ("a.json", ("a.json",)),
        ("plots/north/a.json", ("plots", "north", "a.json")),
        ("plots/", ("plots",)),
        ("é/ü.csv", ("é", "ü.csv")),
        ("a:b/c?.json", ("a_b", "c_.json")),
        ("x/C:y", ("x", "C_y")),
        ("C:x", ("C_x",)),
        ("x/C:/y", ("x", "C_", "y")),
        ("CON/nul.txt", ("_CON", "_nul.txt")),
        ("a. /b.", ("a", "b")),
        ("a\x1b[31m", ("a_[31m",)),
        (".cf-ai/journal.sqlite3", ("_.cf-ai", "journal.sqlite3")),
        (".CF-AI-1.part", ("_.CF-AI-1.part",)),
        (".cf-ai" + "x" * 249, ("_.cf-ai" + "x" * 200,)),
        ("x" * 255, ("x" * 255,)),
        ("é" * 127 + ":", ("é" * 103,)),
        (".bashrc", (".bashrc",)),
        ("/".join(["d"] * 32), ("d",) * 32),
    ],
)
def test_a_name_becomes_a_safe_path(name: str, path: tuple[str, ...]) -> None:
    assert safe_path(name) == path


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("../x", "part"),
        ("a/../../x", "part"),
        ("a/..", "part"),
        ("..", "part"),
        (".", "part"),
        ("./x", "part"),
        (".. /x", "part"),
        ("a/. ./x", "part"),
        (".../x", "part"),
        (" ", "part"),
        ("", "part"),
        ("a//x", "part"),
        ("a//", "part"),
        ("/etc/passwd", "absolute"),
        ("/", "absolute"),
        ("//server/share/x", "absolute"),
        ("C:", "drive"),
        ("c:/x", "drive"),
        ("..\\x", "backslash"),
        ("a\\b", "backslash"),
        ("\\\\server\\x", "backslash"),
        ("a.json\0.exe", "NUL"),
        ("x" * 256, "too long"),
        ("é" * 128, "too long"),
        ("/".join(["x" * 200] * 6), "too long"),
        ("/".join(["d"] * 33), "too long"),
    ],
)
def test_a_name_that_is_refused(name: str, why: str) -> None:
    with pytest.raises(ArchiveError, match=why) as caught:
        safe_path(name)
    assert (caught.value.code, caught.value.retryable) == ("unsafe_name", False)


def test_members_come_in_the_order_of_their_data_without_folders() -> None:
    found = checked(listed("b", offset=5000), listed("plots/", compressed=0, size=0, offset=100), listed("a"), end=9000)
    members = list(iter_members(found))
    assert [(member.name, member.room) for member in members] == [("a", 100), ("b", 9000)]


@pytest.mark.parametrize(
    ("names", "why"),
    [
        (("a.json", "a.json"), "has the name of another one"),
        (("a.json", "A.JSON"), "has the name of another one"),
        (("é", "e\u0301"), "has the name of another one"),
        (("ß", "SS"), "has the name of another one"),
        (("a:b/x", "a_b/x"), "has the name of another one"),
        (("x", "x."), "has the name of another one"),
        (("P/x", "p/X"), "has the name of another one"),
        (("a", "a/b"), "is a file where another one needs a folder"),
        (("a/b/c", "a/b"), "is a file where another one needs a folder"),
        (("A", "a/b/c"), "is a file where another one needs a folder"),
    ],
)
def test_twins_are_refused_on_every_system(names: tuple[str, ...], why: str) -> None:
    first, second = checked(*in_a_row(*names))
    assert isinstance(first, Member)
    assert isinstance(second, Refused)
    assert why in str(second.error)
    assert second.error.code == "unsafe_name"
    with pytest.raises(ArchiveError, match=why):
        list(iter_members([first, second]))


def test_what_looks_alike_and_is_not_stays() -> None:
    names = ("a/x", "b/x", "a/xy", "ab/x", "a-x")
    assert [member.name for member in iter_members(checked(*in_a_row(*names)))] == [*names]


@pytest.mark.parametrize("mode", [stat.S_IFREG | 0o6777, 0o644, 0])
def test_a_file_is_one_whatever_its_bits(mode: int) -> None:
    (found,) = checked(listed("a", mode=mode))
    assert isinstance(found, Member)


@pytest.mark.parametrize("kind", [stat.S_IFLNK, stat.S_IFCHR, stat.S_IFBLK, stat.S_IFIFO, stat.S_IFSOCK, stat.S_IFDIR])
def test_a_link_or_a_special_file(kind: int) -> None:
    error = refusal(listed("a", mode=kind | 0o777))
    assert (error.code, error.message) == ("unsafe_name", "The member a is a link or a special file.")


@pytest.mark.parametrize("mode", [stat.S_IFDIR | 0o755, 0])
def test_a_folder_may_be_listed(mode: int) -> None:
    assert checked(listed("a/", mode=mode, size=0, compressed=2)) == []


def test_a_folder_may_be_no_link() -> None:
    assert refusal(listed("a/", mode=stat.S_IFLNK | 0o777, size=0)).code == "unsafe_name"
    assert refusal(listed("../", size=0)).code == "unsafe_name"


@pytest.mark.parametrize(
    ("told", "code", "why"),
    [
        ({"flags": 1}, "invalid_item", "is encrypted"),
        ({"flags": 0x41}, "invalid_item", "is encrypted"),
        ({"flags": 0x2000}, "invalid_item", "is encrypted"),
        ({"flags": 0x20}, "invalid_item", "method 8"),
        ({"method": 12}, "invalid_item", "is compressed by method 12, not by deflate"),
        ({"method": 99}, "invalid_item", "method 99"),
        ({"method": 0, "size": 11}, "mismatch", "a size that it cannot have"),
        ({"raw_name": b"a/"}, "mismatch", "a size that it cannot have"),
        ({"size": (16 << 30) + 1, "compressed": 1 << 30}, "too_large", "more than allowed"),
        ({"size": (16 << 20) + 1}, "too_large", "10 bytes become over 200 times as many"),
    ],
)
def test_a_member_that_is_not_read(told: dict[str, Any], code: str, why: str) -> None:
    values = dict(told)
    error = refusal(listed(values.pop("raw_name", b"a"), **values))
    assert (error.code, error.hint is not None) == (code, True)
    assert why in error.message


@pytest.mark.parametrize(("size", "packed"), [(16 << 20, 1), (200 << 20, 1 << 20), (1000, 1), (0, 0)])
def test_what_is_small_or_packed_as_data_is_raises_no_suspicion(size: int, packed: int) -> None:
    (found,) = checked(listed("a", size=size, compressed=packed))
    assert isinstance(found, Member)


def test_all_together_may_be_too_much() -> None:
    limits = ExtractLimits(max_total_bytes=25)
    found = checked(*in_a_row("a", "b", "c"), limits=limits)
    assert [type(each) for each in found] == [Member, Member, Refused]
    assert "30 bytes in all" in str(list(found)[2].error)  # type: ignore[union-attr]


def test_many_small_bombs_are_one_large() -> None:
    entries = [listed(str(number), size=1 << 20, compressed=10, offset=number * 100) for number in range(100)]
    found = checked(*entries, end=10_000)
    assert [isinstance(each, Refused) for each in found] == [number > 15 for number in range(100)]


def test_members_that_share_bytes() -> None:
    a, b = listed("a"), listed("b", offset=40)
    with pytest.raises(ArchiveError, match="The member a shares bytes with another one, as in a zip bomb") as caught:
        checked(a, b)
    assert caught.value.code == "too_large"
    assert len(checked(a, listed("b", offset=41))) == 2
    with pytest.raises(ArchiveError, match="shares bytes"):
        checked(a, listed("b"))


@pytest.mark.parametrize("end", [40, 0])
def test_a_member_that_reaches_into_the_directory(end: int) -> None:
    with pytest.raises(ArchiveError, match="a member reaches into its directory") as caught:
        checked(listed("a"), end=end)
    assert caught.value.code == "truncated"


def test_the_default_for_a_record_is_what_a_machine_can_parse() -> None:
    assert LIMITS.max_record_bytes == 32 << 20


def test_folders_are_counted_too() -> None:
    found = checked(*in_a_row("a/b/c/x", "d/e/y", "f/z", "a/b/w"), limits=ExtractLimits(max_members=2))
    assert [type(each) for each in found] == [Member, Member, Refused, Refused]
    error = found[2].error  # type: ignore[union-attr]
    assert (error.code, "over 4 folders" in str(error)) == ("too_large", True)


def test_too_many_members() -> None:
    check_count(Directory(100_000, 0, 0), LIMITS)
    with pytest.raises(ArchiveError, match="It holds 100001 members, more than the 100000 allowed") as caught:
        check_count(Directory(100_001, 0, 0), LIMITS)
    assert caught.value.code == "too_large"
    check_count(Directory(100_001, 0, 0), ExtractLimits(max_members=100_001))


@pytest.mark.parametrize("name", [field.name for field in fields(ExtractLimits)])
@pytest.mark.parametrize("value", [0, -1, 1.5, "7", None, True])
def test_a_limit_is_a_whole_number(name: str, value: Any) -> None:
    with pytest.raises(ValueError, match=rf"^{name} is {value!r}: it must be a whole number"):
        ExtractLimits(**{name: value})


def test_the_limits_are_those_that_the_user_sets() -> None:
    entry = listed("a", size=1 << 30, compressed=1 << 20)
    assert refusal(entry).code == "too_large"
    assert isinstance(checked(entry, limits=ExtractLimits(max_ratio=1024))[0], Member)
    assert refusal(entry, ExtractLimits(max_ratio=1024, max_member_bytes=1 << 29)).code == "too_large"


def test_a_name_is_shown_without_control_characters() -> None:
    assert "\x1b" not in str(refusal(listed("../\x1b[31m")))
    assert "(without a name)" in str(refusal(listed("")))
