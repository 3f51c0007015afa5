from __future__ import annotations

import tempfile

import pytest

from cf_ai_platform_client.adapters.file_list import kept_beside
from cf_ai_platform_client.adapters.journal_queries import WrittenFile
from cf_ai_platform_client.core.planning import FileState
from cf_ai_platform_client.errors import DiskError

FILES = [
    WrittenFile("a\n\u2028\ufffd", "plots/a.json", FileState(5, 1 << 60), b"\x00\xff", is_gone=False),
    WrittenFile("b", "plots/b.json", FileState(0, -1), b"", is_gone=True),
]


@pytest.mark.parametrize("in_memory", [1 << 20, 1])
def test_what_is_kept_beside_comes_back_as_it_was(in_memory: int) -> None:
    with kept_beside(iter(FILES), in_memory=in_memory) as files:
        assert list(files) == FILES


def test_a_digest_that_is_none_is_an_empty_one() -> None:
    broken = WrittenFile("a", "plots/a.json", FileState(5, 1), "text", is_gone=False)  # type: ignore[arg-type]
    with kept_beside([broken]) as files:
        assert [file.sha256 for file in files] == [b""]


def test_a_folder_for_temporary_files_that_is_gone_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", "/nonexistent")
    with pytest.raises(DiskError, match=r"^The folder for temporary files cannot be written: "):
        kept_beside(iter(FILES), in_memory=1).__enter__()
    with kept_beside(iter(FILES)) as files:
        assert list(files) == FILES
