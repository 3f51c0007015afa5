from __future__ import annotations

import os
import tracemalloc
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from cf_ai_platform_client.adapters.whole_zip import check_zip
from cf_ai_platform_client.errors import ResponseError

from ..zips import Made, zip_of


def checked(path: Path, stopped: Callable[[], bool] = lambda: False) -> None:
    descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_BINARY", 0))
    try:
        os.lseek(descriptor, 5, os.SEEK_SET)
        check_zip(descriptor, stopped)
        os.fstat(descriptor)  # still open
    finally:
        os.close(descriptor)


@pytest.mark.parametrize("members", [0, 1, 3000, 70_000])
def test_zips_of_any_number_of_members(members: int, tmp_path: Path) -> None:
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w") as file:
        for number in range(members):
            file.writestr(f"a folder with a long name/{number}.json", b"{}")
    tracemalloc.start()
    checked(path)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 5 << 20
    os.truncate(path, path.stat().st_size - 1)
    with pytest.raises(ResponseError):
        checked(path)


@pytest.mark.parametrize("content", [b"", b"PK", b"<html>"])
def test_what_is_none(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "a.zip").write_bytes(content)
    with pytest.raises(ResponseError) as caught:
        checked(tmp_path / "a.zip")
    assert caught.value.code == "mismatch"


def test_a_directory_that_is_damaged_in_its_middle(tmp_path: Path) -> None:
    content = zip_of(Made("a", b"1"), Made("b", b"2"))
    at = content.rindex(b"PK\1\2")
    (tmp_path / "a.zip").write_bytes(content[:at] + b"PK\1\3" + content[at + 4 :])
    with pytest.raises(ResponseError, match=r"It is no whole zip file.*If it stays so, create the export") as caught:
        checked(tmp_path / "a.zip")
    assert caught.value.code == "truncated"


@pytest.mark.parametrize("end", [{"total": 1}, {"total": 3}, {"disk": 1}, {"wide": True, "wide_count": 9}])
def test_an_end_that_promises_something_else(end: dict[str, Any], tmp_path: Path) -> None:
    (tmp_path / "a.zip").write_bytes(zip_of(Made("a", b"1"), Made("b", b"2"), **end))
    with pytest.raises(ResponseError):
        checked(tmp_path / "a.zip")


def test_one_that_is_stopped_says_nothing(tmp_path: Path) -> None:
    (tmp_path / "a.zip").write_bytes(zip_of(*[Made("a", b"1")] * 9, total=10))
    asked = list[int]()
    checked(tmp_path / "a.zip", lambda: asked.append(1) or len(asked) > 3)
    assert len(asked) == 4
