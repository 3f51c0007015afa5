"""Calls that type checkers refuse, each with an ignore for mypy and one for pyright.

Both complain about an ignore that is not needed: mypy by `warn_unused_ignores`, pyright by
`reportUnnecessaryTypeIgnoreComment`, which heeds only its own with `enableTypeIgnoreComments = false`.
"""

from __future__ import annotations

from collections.abc import Callable

from cf_ai_platform_client import Batch, CFUserClient, DownloadSummary, Limits, RetryPolicy, SyncCFUserClient, datasets
from cf_ai_platform_client.events import ItemStored, Progress
from cf_ai_platform_client.sandbox import Fault, Sandbox


def no_event(text: str) -> None: ...


def no_progress() -> None: ...


async def called(client: CFUserClient) -> None:
    await client.download_project("p", "s")  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    await client.download_project("p", "s", None)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    await client.download_project("p", "s", "d", batch_ids=1)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    await client.download_project("p", "s", "d", batch_ids=["1"])  # type: ignore[list-item]  # pyright: ignore[reportArgumentType]
    await client.download_project("p", "s", "d", created_at_from=1)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    await client.download_project("p", "s", "d", max_workers="all")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    await client.download_project("p", "s", "d", results="some")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    await client.download_project("p", "s", "d", progress="yes")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    await client.download_project("p", "s", "d", progress=no_progress)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    await client.download_project("p", "s", "d", on_event=no_event)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    await client.list_batches(1)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    await client.iter_work_items("p")  # type: ignore[misc]  # pyright: ignore[reportGeneralTypeIssues]
    client.iter_work_items("p", [1])  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    batches: list[Batch] = client.list_batches("p")  # type: ignore[assignment]  # pyright: ignore[reportAssignmentType]
    print(batches)
    client.exports()  # type: ignore[attr-defined]  # pyright: ignore[reportAttributeAccessIssue, reportUnknownMemberType]


def called_blocking(client: SyncCFUserClient) -> None:
    client.download_project("p", "s")  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    client.download_project("p", "s", "d", results="some")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    client.download_project("p", "s", "d", bathc_ids=[1])  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    client.iter_annotations("p", "s", max_workers="all")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    client.iter_annotations("p")  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    for number in client.iter_work_items("p"):
        text: str = number  # type: ignore[assignment]  # pyright: ignore[reportAssignmentType]
        print(text)
    summary: Callable[[], DownloadSummary] = client.download_project  # type: ignore[assignment]  # pyright: ignore[reportAssignmentType]
    print(summary)


def made() -> None:
    CFUserClient()  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    CFUserClient("key", timeout=5)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    SyncCFUserClient("key", "url", RetryPolicy())  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    SyncCFUserClient.from_env(config_file="config.toml")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    RetryPolicy(attempts="3")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    Limits().read_timeout = 5  # type: ignore[misc]  # pyright: ignore[reportAttributeAccessIssue]
    Sandbox(36)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    Fault("export", "status")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    Fault("storage", "explode")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]


def frozen(event: ItemStored, progress: Progress) -> None:
    event.size = 1  # type: ignore[misc]  # pyright: ignore[reportAttributeAccessIssue]
    progress.done = 1  # type: ignore[misc]  # pyright: ignore[reportAttributeAccessIssue]


def misused(dataset: datasets.Dataset) -> None:
    datasets.open()  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    datasets.open(1)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    dataset.filter(["North"])  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    dataset.filter(where="x")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    dataset.split(by="colour")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    dataset.merge("out", images="move")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    next(dataset.samples()).key = "x"  # type: ignore[misc]  # pyright: ignore[reportAttributeAccessIssue]
