from __future__ import annotations

import os
from pathlib import Path

import pytest

from cf_ai_platform_client.adapters.written_files import forget_written, read_written, write_written
from cf_ai_platform_client.core.planning import FileState

WRITTEN = [("labels/樹.txt", FileState(3, 1_700_000_000_123_456_789)), ("data.yaml", FileState(0, 1))]


def test_what_was_written_is_read_again(tmp_path: Path) -> None:
    assert read_written(str(tmp_path)) == []
    write_written(str(tmp_path), WRITTEN)
    assert read_written(str(tmp_path)) == WRITTEN
    write_written(str(tmp_path), WRITTEN[:1])
    assert read_written(str(tmp_path)) == WRITTEN[:1]
    assert [path.name for path in (tmp_path / ".cf-ai").iterdir()] == ["written.jsonl"]
    forget_written(str(tmp_path))
    assert list((tmp_path / ".cf-ai").iterdir()) == []


@pytest.mark.parametrize("line", [b"\xff", b"{", b"[]", b'["a", 1]', b'["a", "1", 2]', b'{"a": 1}', b"1"], ids=repr)
def test_lines_that_are_none_are_passed_over(tmp_path: Path, line: bytes) -> None:
    write_written(str(tmp_path), WRITTEN)
    path = tmp_path / ".cf-ai/written.jsonl"
    path.write_bytes(line + b"\n" + path.read_bytes())
    assert read_written(str(tmp_path)) == WRITTEN


@pytest.mark.skipif(os.name != "posix", reason="links need rights on Windows")
def test_no_link_is_followed(tmp_path: Path) -> None:
    write_written(str(tmp_path / "."), WRITTEN)
    other = tmp_path / "other"
    other.mkdir()
    (other / ".cf-ai").symlink_to(tmp_path / ".cf-ai")
    assert read_written(str(other)) == []
    with pytest.raises(OSError, match="."):
        write_written(str(other), [])
    assert read_written(str(tmp_path)) == WRITTEN


def test_a_list_that_cannot_be_written_leaves_the_old_one(tmp_path: Path) -> None:
    def broken() -> object:
        yield WRITTEN[0]
        raise KeyError

    write_written(str(tmp_path), WRITTEN)
    with pytest.raises(KeyError):
        write_written(str(tmp_path), broken())  # type: ignore[arg-type]
    assert read_written(str(tmp_path)) == WRITTEN
    assert [path.name for path in (tmp_path / ".cf-ai").iterdir()] == ["written.jsonl"]
