from __future__ import annotations

import asyncio
import hashlib
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, cast

import anyio
import pytest

from cf_ai_platform_client.core.naming import name_folders
from cf_ai_platform_client.errors import DiskError, ResponseError
from cf_ai_platform_client.models import WorkItem
from cf_ai_platform_client.sandbox import Project, Sandbox
from cf_ai_platform_client.transfer.big_files import BigFiles
from cf_ai_platform_client.transfer.books import Books
from cf_ai_platform_client.transfer.delivery import Delivery
from cf_ai_platform_client.transfer.job import Job
from cf_ai_platform_client.transfer.ledger import Ledger
from cf_ai_platform_client.transfer.order import Order
from cf_ai_platform_client.transfer.storing import Storing

from ..adapters.disks import files_of_at_most
from ..adapters.wire import KEY
from ..conftest import Clock
from .runs import bounded, make_calls

DOCUMENT = b'{"info": {}, "other": "' + b"x" * 100_000 + b'"}'
STORED = DOCUMENT.replace(b"{}", b'{"asset_url": "assets/a.jpg"}')
FOLDERS = name_folders([(7, "plots")])


def job() -> Job:
    return Job(0, WorkItem(id="a", batchId=7, assetUrl="assets/a.jpg"), url="https://storage.example/x.json?sig=1")  # type: ignore[call-arg]


def spooled(content: bytes) -> BinaryIO:
    file = cast("BinaryIO", tempfile.TemporaryFile(buffering=0))  # noqa: SIM115
    file.write(content)
    return file


@pytest.fixture
def big(tmp_path: Path) -> Iterator[BigFiles]:
    files = BigFiles(str(tmp_path / "out"), durable=False)
    yield files
    files.close()


def staged(big: BigFiles, content: bytes) -> Delivery:
    with spooled(content) as file:
        return bounded(big.stage(job(), file, FOLDERS))


def parts(out: Path) -> list[Path]:
    return [path for path in out.rglob("*") if path.is_file()]


def test_a_document_waits_for_its_name_beside_it(big: BigFiles, tmp_path: Path) -> None:
    delivery = staged(big, DOCUMENT)
    (part,) = parts(tmp_path / "out")
    assert (part.read_bytes(), part.parent.name, part.suffix) == (STORED, "plots", ".part")
    assert delivery.staged is not None
    assert (delivery.staged.name, delivery.staged.state.size) == ("a.json", len(STORED))
    assert (delivery.sha256, delivery.warnings) == (hashlib.sha256(STORED).digest(), ("not_coco",))
    assert (delivery.outcome, delivery.is_news, delivery.weight) == (None, False, 0)
    big.discard(delivery.staged)
    assert parts(tmp_path / "out") == []


@pytest.mark.parametrize("content", [b"", b"[1]", DOCUMENT[:-1]], ids=["empty", "list", "cut"])
def test_what_is_no_document_leaves_nothing(content: bytes, big: BigFiles, tmp_path: Path) -> None:
    with pytest.raises(ResponseError) as caught:
        staged(big, content)
    assert (caught.value.code, parts(tmp_path / "out")) == ("invalid_json", [])


def test_a_folder_that_cannot_be_is_the_deliverys_outcome(big: BigFiles, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "plots").write_text("a file of the user's")
    delivery = staged(big, DOCUMENT)
    assert isinstance(delivery.outcome, DiskError)
    assert (delivery.outcome.code, delivery.staged, delivery.is_news) == ("disk_error", None, False)


def test_a_full_disk_is_the_deliverys_outcome(big: BigFiles, tmp_path: Path) -> None:
    with spooled(DOCUMENT) as file, files_of_at_most(50_000):
        delivery = bounded(big.stage(job(), file, FOLDERS))
    assert isinstance(delivery.outcome, DiskError)
    assert (delivery.outcome.code, str(tmp_path) in str(delivery.outcome)) == ("disk_full", True)
    assert parts(tmp_path / "out") == []


def test_a_cancelled_one_leaves_nothing(big: BigFiles, tmp_path: Path) -> None:
    async def run() -> None:
        with spooled(DOCUMENT) as file:
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(big.stage, job(), file, FOLDERS)
                while not parts(tmp_path / "out"):
                    await asyncio.sleep(0)
                tasks.cancel_scope.cancel()

    bounded(run())
    assert parts(tmp_path / "out") == []


def test_several_at_once_share_a_store(big: BigFiles, tmp_path: Path) -> None:
    async def run() -> list[Delivery]:
        files = [spooled(DOCUMENT) for _ in range(5)]
        try:
            return await asyncio.gather(*(big.stage(job(), file, FOLDERS) for file in files))
        finally:
            for file in files:
                file.close()

    deliveries = bounded(run())
    assert [part.read_bytes() == STORED for part in parts(tmp_path / "out")] == [True] * 5
    for delivery in deliveries:
        assert delivery.staged is not None
        big.discard(delivery.staged)
    assert parts(tmp_path / "out") == []


def test_what_nobody_names_is_removed_in_the_end(tmp_path: Path) -> None:
    project = Project(batch_objects=[{"id": 7, "name": "plots"}])
    with Sandbox(project=project, api_key=KEY) as sandbox:
        calls, ledger = make_calls(sandbox.base_url, Clock()), Ledger("all", print)
        books = Books(calls, Order("sample-project", "sample-space"), ledger, str(tmp_path / "out"))
        storing = Storing(ledger, books)

        async def run() -> None:
            async with calls.http.connected():
                for _ in range(2):
                    with spooled(DOCUMENT) as file:
                        await storing.take_file(job(), file)

        bounded(run())
        assert storing.spool_folder == str(tmp_path / "out" / ".cf-ai")
        assert len(list((tmp_path / "out" / "plots").iterdir())) == 2
        storing.close()
        books.close("cancelled")
    assert list((tmp_path / "out" / "plots").iterdir()) == []
