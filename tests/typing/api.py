"""What type checkers see of each public name. mypy --strict and pyright --strict read this; nothing runs it."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncGenerator, Generator, Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Literal
from uuid import UUID

import httpx
from pydantic import HttpUrl
from typing_extensions import assert_type

import cf_ai_platform_client as package
from cf_ai_platform_client import (
    AnnotatedItem,
    Annotation,
    AssetSummary,
    Batch,
    BatchesResponse,
    CFError,
    CFUserClient,
    DownloadResult,
    DownloadSummary,
    ExportContent,
    ExportFormat,
    ExportListResponse,
    ExportReader,
    ExportRecord,
    ExportResponse,
    ExportStatus,
    ExtractedFiles,
    ExtractLimits,
    KeysetPaginationMeta,
    Limits,
    RetryPolicy,
    SearchResponse,
    SignedURLObject,
    SignedURLResponse,
    SyncCFUserClient,
    UnreadMember,
    WorkItem,
    datasets,
    errors,
    events,
    extract_export,
    read_export,
)
from cf_ai_platform_client.errors import ErrorCode
from cf_ai_platform_client.sandbox import STORM, Delivery, Document, Fault, Project, Sandbox, SeenRequest, faults
from cf_ai_platform_client.sandbox.project import ServedProject
from cf_ai_platform_client.webhooks import (
    PRODUCTION_JWKS_URL,
    DeliveryStore,
    MemoryStore,
    SQLiteStore,
    Verifier,
    WebhookApp,
    WebhookError,
    WebhookEvent,
    WebhookReason,
    WebhookWSGIApp,
    serve,
)

assert_type(package.__version__, str)
assert_type(PRODUCTION_JWKS_URL, str)
assert_type(CFUserClient.BASE_URL, str)
assert_type(SyncCFUserClient.BASE_URL, str)


class MyClient(CFUserClient): ...


class MySyncClient(SyncCFUserClient): ...


def on_event(event: events.Event) -> None: ...


def on_progress(progress: events.Progress) -> bool:
    assert_type(progress.total, int | None)
    assert_type((progress.done, progress.failed, progress.bytes), tuple[int, int, int])
    return True


async def made() -> None:
    patient = RetryPolicy(attempts=3, base=0.1, cap=5, total=60, retry_after_cap=30, budget=10, refill=0.5)
    small = Limits(connect_timeout=5, read_timeout=10, api_bytes=1, document_bytes=1, slow_after=1, slow_rate=1)
    client = CFUserClient("key", None, retry=patient, limits=small, allowed_hosts=["minio.example"])
    assert_type(client.api_key, str)
    assert_type(client.base_url, str)
    assert_type(CFUserClient.create_with_api_key("key", base_url=None), CFUserClient)
    assert_type(MyClient.create_with_api_key("key"), MyClient)
    assert_type(MyClient.from_env("staging", config_file=Path("config.toml")), MyClient)
    async with MyClient("key") as entered:
        assert_type(entered, MyClient)
    assert_type(await client.close(), None)


async def downloads(client: CFUserClient) -> None:
    summary = await client.download_project("p", "s", "out")
    assert_type(summary, DownloadSummary)
    await client.download_project("p", "s", "out", [1], ["a"], "2026-01-01", None, None, None, 10, 100)
    await client.download_project(
        project_id="p",
        space_id="s",
        destination=Path("out"),
        batch_ids=(1, 2),
        work_item_ids={UUID(int=1)},
        created_at_from=datetime(2026, 1, 1),
        created_at_to="2026-01-02",
        updated_at_from=None,
        updated_at_to=None,
        max_workers="auto",
        limit=None,
        status="CLIENT_REVIEW",
        progress=on_progress,
        on_event=on_event,
        results="failed",
        overwrite=True,
    )
    await client.download_project("p", "s", "out", progress=False, batch_ids=range(3), assets=True)


async def reads(client: CFUserClient) -> None:
    assert_type(await client.list_batches("p"), list[Batch])
    assert_type(await client.get_annotation("p", UUID(int=1)), Annotation)
    items = client.iter_work_items("p", batch_ids=[1], work_item_ids=["a"], limit=5, status="COMPLETED")
    assert_type(items, AsyncGenerator[WorkItem, None])
    async for item in items:
        assert_type(item, WorkItem)
    results = client.iter_annotations("p", "s", created_at_from="2026-01-01", max_workers=3, on_event=on_event)
    assert_type(results, AsyncGenerator[AnnotatedItem, None])
    assert_type(await results.aclose(), None)


def made_blocking() -> None:
    client = SyncCFUserClient("key", "https://x.example", retry=RetryPolicy(), limits=Limits(), allowed_hosts=("a",))
    assert_type(client.api_key, str)
    assert_type(client.base_url, str)
    assert_type(MySyncClient.create_with_api_key("key"), MySyncClient)
    assert_type(MySyncClient.from_env(config_file=None), MySyncClient)
    with MySyncClient("key") as entered:
        assert_type(entered, MySyncClient)
    client.close()


def blocking(client: SyncCFUserClient) -> None:
    assert_type(client.download_project("p", "s", Path("out"), progress=on_progress), DownloadSummary)
    client.download_project("p", "s", "out", [1], ["a"], "2026-01-01", None, None, None, "auto", 100, results="none")
    assert_type(client.list_batches("p"), list[Batch])
    assert_type(client.get_annotation(project_id="p", work_item_id="a"), Annotation)
    items = client.iter_work_items("p", batch_ids=[1])
    assert_type(items, Generator[WorkItem, None, None])
    assert_type([item.id for item in items], list[str])
    results = client.iter_annotations("p", "s", updated_at_to=datetime(2026, 1, 1))
    assert_type(next(results), AnnotatedItem)
    results.close()


def results(summary: DownloadSummary, result: DownloadResult, found: AnnotatedItem) -> None:
    assert_type(summary.results, list[DownloadResult])
    assert_type((summary.total_items, summary.successful, summary.failed), tuple[int, int, int])
    assert_type((summary.not_attempted, summary.bytes, summary.elapsed), tuple[int, int, float])
    assert_type(summary.warnings, list[str])
    assert_type(summary.raise_for_failures(), DownloadSummary)
    assert_type(summary.assets, AssetSummary | None)
    if summary.assets is not None:
        assert_type((summary.assets.successful, summary.assets.failed, summary.assets.skipped), tuple[int, int, int])
        assert_type((summary.assets.missing, summary.assets.not_attempted), tuple[int, int])
    assert_type((result.asset_path, result.asset_error), tuple[str | None, str | None])
    assert_type(result.asset_error_code, ErrorCode | None)
    assert_type((result.item_id, result.success), tuple[str, bool])
    assert_type((result.batch_id, result.file_path), tuple[int | None, str | None])
    assert_type((result.error, result.error_code), tuple[str | None, ErrorCode | None])
    assert_type((found.item, found.document), tuple[WorkItem, bytes | None])
    assert_type((found.error, found.warnings), tuple[CFError | None, tuple[str, ...]])


def wire(item: WorkItem, batch: Batch, annotation: Annotation, meta: KeysetPaginationMeta) -> None:
    assert_type((item.id, item.batch_id, item.asset_url), tuple[str, int | None, str | None])
    assert_type((item.result_url, item.status), tuple[HttpUrl | None, str | None])
    assert_type((batch.id, batch.name, batch.total_count), tuple[int, str, int | None])
    assert_type(annotation.metadata, dict[str, Any] | None)
    assert_type((meta.cursor_next, meta.cursor_prev), tuple[str | None, str | None])
    assert_type(SearchResponse().items, list[WorkItem])
    assert_type(SearchResponse().meta, KeysetPaginationMeta | None)
    assert_type(BatchesResponse().items, list[Batch])
    assert_type(SignedURLResponse().items, list[SignedURLObject])
    assert_type(SignedURLObject.model_validate({}).signed_url, str)


async def exported(client: CFUserClient, made: ExportResponse) -> None:
    export = await client.create_export("s", "nightly")
    assert_type(export, ExportResponse)
    await client.create_export(
        "s", "n", ExportFormat.CSV, ["p"], [1], ExportContent.INFERENCE, "2026-01-01", None, "", None
    )
    await client.create_export("s", "n", "JSON", (UUID(int=1),), range(3), "INFERENCE", datetime(2026, 1, 1))
    await client.create_export("s", name="n", format="CSV")
    assert_type(await client.get_export("s", export.export_id), ExportResponse)
    assert_type(await client.list_exports("s", "CSV", 10), ExportListResponse)
    await client.list_exports("s", export_format=ExportFormat.JSON, limit=None)
    assert_type(client.iter_exports("s", "CSV"), AsyncGenerator[ExportResponse, None])
    assert_type(await client.delete_export("s", str(made.export_id)), None)
    assert_type(await client.wait_for_export("s", "e", 5, 600.0), ExportResponse)
    await client.wait_for_export("s", "e", poll_interval=0.5, timeout=60, progress=False, on_event=on_event)
    assert_type(await client.download_export_file("s", "e", Path("out"), 5.0, 600.0), str)
    await client.download_export_file("s", "e", "out", overwrite=True, progress=on_progress, on_event=on_event)
    assert_type(await client.export("s", "n", "out"), str)
    await client.export("s", "n", "out", export_format="CSV", project_ids=["p"], content="INFERENCE", attach=True)


def exported_blocking(client: SyncCFUserClient) -> None:
    assert_type(client.create_export("s", "n", "CSV", ["p"], created_at_from="2026-01-01"), ExportResponse)
    assert_type(client.get_export("s", "e"), ExportResponse)
    assert_type(client.list_exports("s"), ExportListResponse)
    assert_type([export.name for export in client.iter_exports("s")], list[str | None])
    assert_type(client.delete_export("s", UUID(int=1)), None)
    assert_type(client.wait_for_export("s", "e", 1.0, timeout=3.0), ExportResponse)
    assert_type(client.download_export_file("s", "e", "out", progress=True), str)
    assert_type(client.export("s", "n", Path("out"), poll_interval=1.0, timeout=5.0), str)


def exports(export: ExportResponse) -> None:
    assert_type((export.export_id, export.status), tuple[UUID, ExportStatus])
    assert_type((export.format, export.content), tuple[ExportFormat | None, ExportContent | None])
    assert_type(ExportListResponse().items, list[ExportResponse])
    texts: list[str] = [ExportFormat("NEW").value, ExportContent.INFERENCE.value, ExportStatus.FAILED]
    print(texts)
    assert_type(ExportStatus("NEW"), ExportStatus)


def archives() -> None:
    limits = ExtractLimits(max_members=1, max_total_bytes=1, max_member_bytes=1, max_record_bytes=1, max_ratio=1)
    extracted = extract_export("export.zip", Path("out"), limits=limits, overwrite=True)
    assert_type(extracted, ExtractedFiles)
    assert_type((extracted.destination, extracted.paths, extracted.bytes), tuple[str, tuple[str, ...], int])
    with read_export(Path("export.zip"), limits=limits) as records:
        assert_type(records, ExportReader)
        for record in records:
            assert_type(record, ExportRecord)
            assert_type((record.member, record.data), tuple[str, Mapping[str, Any]])
            kind: Literal["coco", "json", "csv"] = record.kind
            print(kind)
        assert_type(records.unread, list[UnreadMember])
        assert_type([(each.member, each.reason, each.records) for each in records.unread], list[tuple[str, str, int]])
    assert_type(records.close(), None)


def failures(error: CFError) -> None:
    assert_type(error.code, ErrorCode)
    assert_type((error.status, error.retryable), tuple[int | None, bool])
    assert_type((error.request_id, error.item_id, error.hint), tuple[str | None, str | None, str | None])
    assert_type(error.retry_after, float | None)
    assert_type(error.summary, DownloadSummary | None)


def caught(client: SyncCFUserClient) -> None:
    try:
        client.list_batches("p")
    except errors.StatusError as error:
        assert_type(error.response, httpx.Response)
        assert_type(error.summary, DownloadSummary | None)
    except httpx.HTTPStatusError as error:
        assert_type(error.response.status_code, int)
    except errors.ExportTimeoutError as error:
        late: TimeoutError | httpx.TimeoutException = error
        print(late)
    except (errors.RequestTimeoutError, errors.NetworkError, errors.ResponseError, errors.UnsafeURLError) as error:
        http: httpx.HTTPError = error
        code: ErrorCode = error.code
        assert_type((str(http), str(code)), tuple[str, str])
    except errors.ExportError as error:
        bad: ValueError = error
        assert_type((str(bad), error.item_id), tuple[str, str | None])
    except errors.DiskError as error:
        assert_type(error.errno, int | None)


def kinds(event: events.Event) -> str:
    match event:
        case events.PageListed(items=items, total=total):
            assert_type((items, total), tuple[int, int | None])
            return "page"
        case events.ListingFinished(items=items):
            return str(items)
        case events.ItemStored(item_id=item_id, path=path, size=size):
            assert_type((item_id, path, size), tuple[str, str, int])
            return path
        case events.ItemSkipped(item_id=item_id, path=path) | events.ItemPruned(item_id=item_id, path=path):
            assert_type((item_id, path), tuple[str, str])
            return path
        case events.AssetStored(item_id=item_id, path=path, size=size):
            assert_type((item_id, path, size), tuple[str, str, int])
            return path
        case events.AssetSkipped(path=path) | events.AssetMissing(item_id=path):
            return path
        case events.AssetFailed(code=code, error=error):
            assert_type((code, error), tuple[ErrorCode, str])
            return error
        case events.ItemFailed(code=code) | events.RetryScheduled(code=code):
            assert_type(code, ErrorCode)
            return code
        case events.ConcurrencyChanged(stage=stage, limit=limit):
            assert_type((stage, limit), tuple[str, int])
            return stage
        case events.Warned(message=message):
            return message
        case events.ExportStatusChanged(export_id=export_id, status=status, elapsed=elapsed):
            assert_type((export_id, status, elapsed), tuple[str, str, float])
            return status
        case events.ExportBytes(bytes=size, total=total):
            assert_type((size, total), tuple[int, int | None])
            return str(size)
        case events.ExportStored(path=path, size=size, fetched=fetched):
            assert_type((path, size, fetched), tuple[str, int, bool])
            return path


async def sandbox() -> None:
    rows = [Fault("storage", nth=1, action="status", status=503), Fault("*", "reset", rate=0.1, times=3), *STORM]
    with Sandbox(items=5, latency=0.1, faults=rows, seed=1, api_key="k", url_lifetime=1, record=False) as running:
        assert_type(running, Sandbox)
        assert_type((running.base_url, running.api_key, running.port), tuple[str, str, int])
        assert_type((running.project_id, running.space_id), tuple[str, str])
        assert_type(running.requests, list[SeenRequest])
        assert_type(running.counts, Counter[str])
        assert_type(running.project, ServedProject)
        assert_type(running.exports, list[dict[str, Any]])
        assert_type(running.fail_next_export("reason"), None)
        assert_type(running.set_status("id", "COMPLETED"), Delivery | None)
        assert_type(running.deliver("id", url="http://127.0.0.1:9000/").attempts, int)
        assert_type(running.deliveries, list[Delivery])
        assert_type(running.sign(b""), dict[str, str])
        assert_type((running.jwks_url, running.rotate_keys()), tuple[str, str])
    async with Sandbox(
        faults=faults.load("storm"), export_polls=0, webhook_url="http://x/", webhook_waits=[1]
    ) as entered:
        assert_type(entered, Sandbox)
    assert_type(STORM, Sequence[Fault])
    served: ServedProject = Project([], [], {})
    assert_type(Sandbox(project=served).start(), Sandbox)
    assert_type(Document(b"").content, bytes)


def verified(verifier: Verifier, body: bytes, headers: dict[str, str], pairs: list[tuple[bytes, bytes]]) -> None:
    assert_type(verifier.verify(body, headers), WebhookEvent)
    try:
        verifier.verify(body, pairs)
    except WebhookError as error:
        assert_type(error.reason, WebhookReason)
        assert_type(error.code, ErrorCode)
    Verifier("https://x.example/jwks.json", tolerance=timedelta(minutes=5), max_stale=60)
    Verifier(keys={"key-1": bytes(32)}, tolerance=None, clock=lambda: 0.0)
    assert_type(Verifier.from_env(tolerance=10), Verifier)


def webhook(event: WebhookEvent) -> None:
    assert_type((event.work_item_id, event.status, event.delivery_key), tuple[str, str, str])
    assert_type((event.asset_type, event.asset_url), tuple[str | None, str | None])
    assert_type(event.created_at, datetime)
    assert_type(event.body, bytes)


async def received(verifier: Verifier, body: bytes, headers: dict[str, str]) -> None:
    assert_type(await verifier.averify(body, headers), WebhookEvent)

    async def handle(event: WebhookEvent) -> None: ...

    stores: list[DeliveryStore] = [MemoryStore(keep=5), SQLiteStore(Path("deliveries.sqlite3"))]
    app = WebhookApp(handle, verifier=verifier, store=stores[0], attempts=3, at_once=10, resume=True, grace=10)
    assert_type(await app.resume(), int)
    assert_type(await app.close(), None)
    assert_type(WebhookWSGIApp(webhook, store=stores[1]).resume(), int)
    await serve(handle, host="127.0.0.1", port=8000, on_listening=print)


def reads_datasets(dataset: datasets.Dataset) -> None:
    assert_type(datasets.open("annotations"), datasets.Dataset)
    assert_type(datasets.open(Path("annotations")), datasets.Dataset)
    assert_type(len(dataset), int)
    for item in dataset:
        assert_type(item, datasets.Item)
        assert_type((item.work_item_id, item.batch, item.batch_id), tuple[str, str, int | None])
    report = datasets.Report()
    for sample in dataset.samples(report):
        assert_type(sample, datasets.Sample)
        assert_type((sample.key, sample.path), tuple[str, str | None])
        assert_type(sample.annotations, tuple[datasets.Annotation, ...])
    assert_type(report.annotations, datasets.Tally)
    assert_type(report.images.left_out, Counter[str])
    assert_type([*dataset.images()], list[datasets.Image])
    for annotation in dataset.annotations():
        assert_type(annotation.bbox, tuple[float, float, float, float])
        assert_type(annotation.category, datasets.Category)
        assert_type(annotation.segmentation, tuple[tuple[float, ...], ...] | datasets.Rle | None)
        assert_type(annotation.extra, dict[str, Any])
    assert_type(dataset.categories, tuple[datasets.Category, ...])
    assert_type(dataset.index()[0], datasets.Sample)
    assert_type(dataset.index()[:2], datasets.SampleIndex)
    assert_type(dataset.batches(), tuple[datasets.BatchStats, ...])
    assert_type(dataset.counts().categories, tuple[datasets.CategoryCounts, ...])
    assert_type(dataset.stats().annotations_per_image, datasets.Spread)
    assert_type(dataset.stats().categories[0].sizes, datasets.Sizes)


def uses_datasets(dataset: datasets.Dataset) -> None:
    view = dataset.filter(
        batches=["North", 101],
        categories=["tree", 1, dataset.categories[0]],
        item_ids=("a",),
        min_area=1,
        max_area=9.5,
        crowds=False,
        keep_empty=False,
        where=lambda sample: sample.path is not None,
    )
    assert_type(view, datasets.Dataset)
    validation = dataset.validate(images=False)
    assert_type(validation, datasets.Validation)
    for finding in validation:
        assert_type(finding, datasets.Finding)
    for change in dataset.fix("fixed", overwrite=True):
        assert_type(change, datasets.Change)
    assert_type(dataset.fix(Path("fixed")), datasets.FixReport)
    assert_type(dataset.merge("merged", images="link", ascii_only=False), datasets.Report)
    split = dataset.split(0.7, 0.2, 0.1, by="group", group=lambda sample: sample.batch, seed=1, previous="split.json")
    assert_type(split, datasets.Split)
    assert_type(split.parts, Mapping[str, datasets.Dataset])
    assert_type(list(split), list[str])
    assert_type(split.convert("yolo", "out", crowds="skip"), datasets.Report)
    assert_type(dataset.convert("coco", Path("out"), images="none", overwrite=True), datasets.Report)
