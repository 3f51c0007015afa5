from __future__ import annotations

import os
import tracemalloc
import zipfile
from pathlib import Path

import pytest

from cf_ai_platform_client.adapters.whole_zip import check_zip
from cf_ai_platform_client.errors import ResponseError


def checked(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_BINARY", 0))
    try:
        os.lseek(descriptor, 5, os.SEEK_SET)
        check_zip(descriptor)
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
