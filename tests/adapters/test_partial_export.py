from __future__ import annotations

import io
import os
import subprocess
import sys
import threading
import zipfile
from pathlib import Path

import pytest

from cf_ai_platform_client.adapters.folders import Folder
from cf_ai_platform_client.adapters.partial_export import PartialExport
from cf_ai_platform_client.core.naming import SafeName
from cf_ai_platform_client.core.resuming import Known
from cf_ai_platform_client.errors import DiskError, ResponseError

NAME = SafeName("0520a8e8.zip")
KNOWN = Known('"a"', 5)


def zipped(text: bytes) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as file:
        file.writestr("a.json", text)
    return made.getvalue()


def below(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


def test_a_file_gets_its_name_whole(tmp_path: Path) -> None:
    content = zipped(b"{}")
    destination = tmp_path / "new" / "folder"
    with PartialExport(str(destination), NAME) as part:
        assert part.existing() is None
        part.open()
        part.start_anew(Known(total=len(content)))
        assert part.write(content[:7]) == 7
        assert part.write(memoryview(content)[7:]) == len(content) - 7
        assert below(destination) == [".cf-ai/exports/0520a8e8.part", ".cf-ai/exports/0520a8e8.resume"]
        part.check()
        part.publish()
        assert part.path == os.path.join(str(destination), NAME)  # noqa: PTH118
    assert below(destination) == [NAME]
    assert (destination / NAME).read_bytes() == content
    with PartialExport(str(destination), NAME) as part:
        assert part.existing() == len(content)


def test_what_can_be_continued_stays(tmp_path: Path) -> None:
    with PartialExport(str(tmp_path), NAME) as part:
        part.open()
        part.start_anew(KNOWN)
        part.write(b"PK\x03")
    with PartialExport(str(tmp_path), NAME) as part:
        part.open()
        assert (part.known, part.size) == (KNOWN, 3)
        part.write(b"\x04x")
        assert part.size == 5
    assert (tmp_path / ".cf-ai/exports/0520a8e8.part").read_bytes() == b"PK\x03\x04x"


@pytest.mark.parametrize("known", [Known(), Known(None, 5)])
def test_what_cannot_be_continued_is_removed(known: Known, tmp_path: Path) -> None:
    with PartialExport(str(tmp_path), NAME) as part:
        part.open()
        part.start_anew(known)
        part.write(b"PK\x03")
    assert below(tmp_path) == []


def test_a_note_without_a_part_says_nothing(tmp_path: Path) -> None:
    folder = tmp_path / ".cf-ai/exports"
    folder.mkdir(parents=True)
    (folder / "0520a8e8.resume").write_bytes(KNOWN.to_note())
    with PartialExport(str(tmp_path), NAME) as part:
        part.open()
        assert (part.known, part.size) == (Known(), 0)
    (folder / "0520a8e8.part").write_bytes(b"PK")
    with PartialExport(str(tmp_path), NAME) as part:
        part.open()
        assert (part.known, part.size) == (Known(), 0)
    assert below(tmp_path) == []


def test_one_at_a_time(tmp_path: Path) -> None:
    with PartialExport(str(tmp_path), NAME) as part, PartialExport(str(tmp_path), NAME) as second:
        part.open()
        part.start_anew(KNOWN)
        part.write(b"PK")
        with pytest.raises(DiskError, match="is being downloaded already"):
            second.open()
        code = f"""if True:
            from cf_ai_platform_client.adapters.partial_export import PartialExport
            from cf_ai_platform_client.errors import DiskError
            with PartialExport({str(tmp_path)!r}, {NAME!r}) as part:
                try:
                    part.open()
                except DiskError as error:
                    print(error.code)
        """
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
        assert done.stdout == "disk_error\n"
        with PartialExport(str(tmp_path), SafeName("other.zip")) as other:
            other.open()
    assert part.size == 2
    assert below(tmp_path) == [".cf-ai/exports/0520a8e8.part", ".cf-ai/exports/0520a8e8.resume"]


def test_two_that_hurry_never_write_into_a_file_that_has_its_name(tmp_path: Path) -> None:
    contents = [zipped(bytes([65 + number]) * 5000) for number in range(3)]
    refused: list[DiskError] = []

    def hurry(content: bytes) -> None:
        for _ in range(100):
            try:
                with PartialExport(str(tmp_path), NAME) as part:
                    part.open()
                    part.start_anew(Known(total=len(content)))
                    part.write(content)
                    part.check()
                    part.publish()
                    assert (tmp_path / NAME).read_bytes() in contents
            except DiskError as error:
                refused.append(error)

    threads = [threading.Thread(target=hurry, args=(content,)) for content in contents]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {"is being downloaded already" in str(error) for error in refused} <= {True}
    assert (tmp_path / NAME).read_bytes() in contents
    assert below(tmp_path) == [NAME]


@pytest.mark.skipif(os.name == "nt", reason="what is open cannot be renamed there")
def test_a_part_that_gets_its_name_while_it_is_opened_is_left_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = zipped(b"{}")
    opened = Folder.open_file
    with PartialExport(str(tmp_path), NAME) as first, PartialExport(str(tmp_path), NAME) as second:
        first.open()
        first.start_anew(Known(total=len(content)))
        first.write(content)
        meanwhile = [first.publish]

        def meddling(folder: Folder, name: str, flags: int = os.O_RDONLY) -> int:
            descriptor = opened(folder, name, flags)
            if meanwhile:
                meanwhile.pop()()
            return descriptor

        monkeypatch.setattr(Folder, "open_file", meddling)
        second.open()
        second.write(b"x")
        assert (tmp_path / NAME).read_bytes() == content
    assert below(tmp_path) == [NAME]


def test_a_check_that_is_stopped_ends_early(tmp_path: Path) -> None:
    content = zipped(b"{}")
    with PartialExport(str(tmp_path), NAME) as part:
        part.open()
        part.start_anew(Known(digests={"content-md5": "AAAAAAAAAAAAAAAAAAAAAA=="}))
        part.write(content)
        with pytest.raises(ResponseError, match="content-md5"):
            part.check()
        part.stop()
        with pytest.raises(ResponseError):
            part.check()


def test_a_folder_in_the_way(tmp_path: Path) -> None:
    (tmp_path / NAME).mkdir()
    with PartialExport(str(tmp_path), NAME) as part:
        with pytest.raises(DiskError):
            part.existing()
        with pytest.raises(DiskError):
            part.open()
        assert below(tmp_path) == []
    with PartialExport(str(tmp_path), SafeName("1.zip")) as part:
        part.open()
        part.write(b"x")
        (tmp_path / "1.zip").mkdir()
        with pytest.raises(DiskError):
            part.publish()
    assert below(tmp_path) == []


def test_a_destination_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with PartialExport(str(tmp_path / "file"), NAME) as part:
        with pytest.raises(DiskError):
            part.existing()
        with pytest.raises(DiskError):
            part.open()


def test_looking_makes_no_folder(tmp_path: Path) -> None:
    with PartialExport(str(tmp_path / "new/folder"), NAME) as part:
        assert part.existing() is None
    assert list(tmp_path.iterdir()) == []
