from __future__ import annotations

import os
from pathlib import Path

import pytest

from cf_ai_platform_client.errors import DiskError
from cf_ai_platform_client.transfer.spool import Spool

from ..adapters.disks import files_of_at_most
from .runs import bounded


@pytest.mark.parametrize("folder", [None, ""])
def test_without_a_folder_nothing_is_spooled(folder: str | None) -> None:
    with Spool(folder) as spool:
        assert (spool.opener, spool.file) == (None, None)


def test_what_is_written_is_in_a_file_without_a_name(tmp_path: Path) -> None:
    with Spool(str(tmp_path)) as spool:
        assert spool.opener is not None
        file = bounded(spool.opener())
        assert file.write(b"abc") == 3
        assert list(tmp_path.iterdir()) == []
        assert spool.file is not None
        kept = spool.file
        assert os.pread(kept.fileno(), 10, 0) == b"abc"
    assert (kept.closed, spool.file) == (True, None)
    spool.close()


def test_an_error_closes_it_too(tmp_path: Path) -> None:
    with pytest.raises(ValueError), Spool(str(tmp_path)) as spool:
        bounded(spool.open())
        kept = spool.file
        raise ValueError
    assert kept is not None
    assert kept.closed


def test_what_is_opened_again_is_empty(tmp_path: Path) -> None:
    with Spool(str(tmp_path)) as spool:
        bounded(spool.open()).write(b"of the first attempt")
        first = spool.file
        bounded(spool.open())
        assert first is not None
        assert first.closed
        assert spool.file is not None
        assert os.fstat(spool.file.fileno()).st_size == 0


def test_where_no_file_can_be_is_an_error_of_the_disk(tmp_path: Path) -> None:
    with Spool(str(tmp_path / "none")) as spool:
        with pytest.raises(DiskError) as caught:
            bounded(spool.open())
        assert (caught.value.code, spool.file) == ("disk_error", None)


def test_a_full_disk_is_an_error_of_the_disk(tmp_path: Path) -> None:
    with Spool(str(tmp_path)) as spool:
        file = bounded(spool.open())
        with files_of_at_most(10), pytest.raises(DiskError) as caught:
            while file.write(b"12345678"):
                pass
        assert (caught.value.code, str(tmp_path) in str(caught.value)) == ("disk_full", True)
