from __future__ import annotations

import unicodedata
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime, timedelta, timezone
from email.utils import format_datetime
from typing import Any
from urllib.parse import parse_qsl, unquote

import httpx
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from cf_ai_platform_client.core.arguments import Filters, check_filters, parse_moment
from cf_ai_platform_client.core.manifest import (
    read_annotation,
    read_batches_page,
    read_manifest_page,
    read_signed_urls,
)
from cf_ai_platform_client.core.redaction import printable
from cf_ai_platform_client.core.requests import Endpoint, Reply, error_of, retry_after, segment, work_items_call
from cf_ai_platform_client.core.storage_paths import match_signed_urls, only_signed_url
from cf_ai_platform_client.errors import CFError, ItemError
from cf_ai_platform_client.models import SignedURLObject, WorkItem

ANY_TEXT = st.text(st.characters(exclude_categories=()), max_size=20)
FIELDS = st.sampled_from(
    [
        "id",
        "batchId",
        "batch_id",
        "resultUrl",
        "assetUrl",
        "items",
        "meta",
        "cursorNext",
        "cursor_next",
        "limit",
        "total",
        "name",
        "path",
        "signedUrl",
        "workItemID",
        "metadata",
    ]
)
SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | ANY_TEXT | st.just(10**300)
JSON = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(FIELDS | ANY_TEXT, inner, max_size=4)
)
ENTRIES = st.lists(st.dictionaries(FIELDS | ANY_TEXT, JSON, max_size=5) | JSON, max_size=4)
PAGES = JSON | ENTRIES | st.fixed_dictionaries({"items": ENTRIES}, optional={"meta": JSON, "total": JSON})
ENDPOINTS: st.SearchStrategy[Endpoint] = st.sampled_from(
    ["work_items", "batches", "annotations", "signed_urls", "storage"]
)
HEADERS = st.dictionaries(
    st.sampled_from(["retry-after", "etag", "server", "content-type", "content-length", "x-request-id", "x-api-key"]),
    ANY_TEXT,
)


def code_of(function: Callable[..., object], *arguments: object) -> str | None:
    """Return the code of the typed error that a call ends with, None where it ends well."""
    try:
        function(*arguments)
    except CFError as error:
        return error.code
    return None


@pytest.mark.parametrize("read", [read_manifest_page, read_batches_page, read_signed_urls])
@given(data=PAGES)
def test_any_json_is_a_page_or_a_typed_error(read: Callable[[Any], object], data: Any) -> None:
    assert code_of(read, data) in {None, "invalid_json"}


@given(ENTRIES)
def test_every_entry_is_an_item_with_an_id_or_an_error(entries: list[Any]) -> None:
    items = read_manifest_page({"items": entries}).items
    assert len(items) == len(entries)
    for item in items:
        assert item.id if isinstance(item, WorkItem) else isinstance(item, ItemError)


@given(JSON)
def test_any_json_is_an_annotation_or_a_typed_error(data: Any) -> None:
    assert code_of(read_annotation, data, "a") in {None, "invalid_json", "invalid_item"}


@given(ANY_TEXT | st.sampled_from([".", "..", " ", "a/../b", "%2e"]))
def test_a_segment_is_one_segment_and_reads_back(value: str) -> None:
    if value.strip() in {"", ".", ".."}:
        assert code_of(segment, value) == "unsafe_name"
        return
    quoted = segment(value)
    assert httpx.URL(f"https://x.example/a/{quoted}/b").raw_path.decode() == f"/a/{quoted}/b"
    assert not set(quoted) & set("/?#\\ ")
    assert unquote(quoted) == value.encode("utf-8", "replace").decode()


@given(st.lists(st.integers(), max_size=5), st.lists(st.text(min_size=1), max_size=5), st.text(min_size=1))
def test_a_query_reads_back(batch_ids: list[int], item_ids: list[str], cursor: str) -> None:
    filters = Filters(batch_ids=tuple(batch_ids), work_item_ids=tuple(item_ids))
    query = parse_qsl(work_items_call("p", filters, cursor).query, keep_blank_values=True)
    assert [value for name, value in query if name == "batchIds"] == [str(batch_id) for batch_id in batch_ids]
    assert [value for name, value in query if name == "workItemIDs"] == item_ids
    assert ("cursor", cursor) in query


@given(st.integers(100, 999), HEADERS, st.binary(max_size=60), ANY_TEXT, ENDPOINTS, st.none() | ANY_TEXT)
@example(304, {}, b"", "", "storage", None)
@example(304, {}, b"", "", "batches", None)
def test_any_answer_is_good_or_an_error_of_one_line(
    status: int, headers: dict[str, str], body: bytes, url: str, endpoint: Endpoint, item_id: str | None
) -> None:
    reply = Reply(status, headers, body, f"https://store.example/{url}?canary-signature")
    error = error_of(reply, endpoint, item_id=item_id, now=0.0)
    assert (error is None) == (200 <= status < 300 or (status == 304 and endpoint == "storage"))
    if error:
        assert not any(unicodedata.category(character) in {"Cc", "Cs"} for character in error.message)
        assert "canary-signature" not in f"{error} {error.__dict__}"


@given(ANY_TEXT)
def test_any_retry_after_is_a_wait_or_nothing(value: str) -> None:
    seconds = retry_after({"retry-after": value}, now=0.0)
    assert seconds is None or seconds >= 0


@given(st.datetimes(datetime(1000, 1, 1), timezones=st.just(timezone.utc)), st.integers(0, 10**10))
def test_a_date_to_retry_after_is_as_far_as_it_is(moment: datetime, now: int) -> None:
    seconds = retry_after({"retry-after": format_datetime(moment, usegmt=True)}, now)
    assert seconds == max(0.0, moment.replace(microsecond=0).timestamp() - now)


@given(st.text(st.characters(exclude_categories=()), max_size=400), st.integers(2, 60))
def test_what_is_shown_is_one_printable_line(text: str, most: int) -> None:
    shown = printable(text, most)
    assert len(shown) <= most
    assert "\n" not in shown
    assert shown.encode().decode() == shown


@given(st.datetimes(timezones=st.integers(-1439, 1439).map(lambda n: timezone(timedelta(minutes=n)))))
def test_whatever_python_writes_as_a_date_is_read(moment: datetime) -> None:
    assert parse_moment(moment.isoformat()) == moment


@given(ANY_TEXT)
def test_any_text_is_a_date_or_a_value_error(text: str) -> None:
    with suppress(ValueError):
        assert check_filters(created_at_from=text).created_at_from in {text.strip(), None}


@given(st.lists(ANY_TEXT, unique=True, max_size=5), st.data())
def test_paths_that_are_echoed_are_matched_in_any_order(paths: list[str], data: st.DataObject) -> None:
    answers = [SignedURLObject.model_construct(path=path, signed_url=f"u{n}") for n, path in enumerate(paths)]
    shuffled = data.draw(st.permutations(answers))
    assert match_signed_urls(paths, shuffled, "s1") == {path: f"u{n}" for n, path in enumerate(paths)}


@given(ANY_TEXT, st.lists(ANY_TEXT, max_size=3))
def test_any_answers_give_one_of_their_urls_or_a_mismatch(path: str, answered: list[str]) -> None:
    answers = [SignedURLObject.model_construct(path=name, signed_url=f"u{n}") for n, name in enumerate(answered)]
    urls = {answer.signed_url for answer in answers}
    code = code_of(only_signed_url, path, answers, "s1", "a")
    assert code == "mismatch" or (code is None and only_signed_url(path, answers, "s1", "a") in urls)
