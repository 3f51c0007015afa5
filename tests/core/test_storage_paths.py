from __future__ import annotations

import pytest

from cf_ai_platform_client.core.storage_paths import match_signed_urls, only_signed_url, result_path
from cf_ai_platform_client.errors import CFError
from cf_ai_platform_client.models import Annotation, SignedURLObject

ONE, TWO = "11111111-0000-4000-8000-000000000001", "22222222-0000-4000-8000-000000000002"


def annotation(url: object, item_id: str = ONE) -> Annotation:
    return Annotation(id="x", projectID="p", workItemID=item_id, metadata={"coco_results_url": url})


def signed(*paths: str) -> list[SignedURLObject]:
    return [SignedURLObject(path=path, signedUrl=f"https://s/{number}") for number, path in enumerate(paths)]


@pytest.mark.parametrize(
    ("url", "path"),
    [
        ("s3://bucket/spaces/s1/out/a b.json", "out/a b.json"),
        ("s3://bucket/x/spaces/s1/out/spaces/s1/a.json", "out/spaces/s1/a.json"),
        (" out/a.json ", "out/a.json"),
    ],
)
def test_the_result_is_found_in_its_space(url: str, path: str) -> None:
    assert result_path(annotation(url), "s1", ONE) == path


@pytest.mark.parametrize(
    ("found", "code"),
    [
        (annotation("s3://bucket/spaces/other/a.json"), "invalid_item"),
        (annotation("s3://bucket/spaces/s1/"), "invalid_item"),
        (annotation(""), "no_result"),
        (annotation(None), "no_result"),
        (annotation(5), "no_result"),
        (Annotation(id="x", projectID="p", workItemID=ONE), "no_result"),
        (annotation("a", TWO), "mismatch"),
    ],
)
def test_what_is_no_result_of_the_item_is_refused(found: Annotation, code: str) -> None:
    with pytest.raises(CFError) as caught:
        result_path(found, "s1", ONE)
    assert caught.value.code == code


def test_urls_are_matched_by_path_in_any_order() -> None:
    assert match_signed_urls(["a", "b"], signed("b", "a"), "s1") == {"a": "https://s/1", "b": "https://s/0"}


@pytest.mark.parametrize("spelling", ["/out/a%20b.json", "spaces/s1/out/a b.json", "s3://x/spaces/s1/out/a b.json"])
def test_other_spellings_are_matched(spelling: str) -> None:
    assert match_signed_urls(["out/a b.json"], signed(spelling), "s1") == {"out/a b.json": "https://s/0"}


def test_a_path_without_an_answer_is_missing() -> None:
    assert match_signed_urls(["a", "b"], signed("a"), "s1") == {"a": "https://s/0"}


def test_the_only_answer_counts_however_it_is_spelled() -> None:
    assert only_signed_url("out/a.json", signed("elsewhere"), "s1", "a") == "https://s/0"
    assert only_signed_url(f"out/{ONE}.json", signed("x", f"out/{ONE}.json"), "s1", ONE) == "https://s/1"
    assert only_signed_url(f"out/{ONE}.json", signed(f"y/{ONE.upper()}"), "s1", ONE) == "https://s/0"


@pytest.mark.parametrize("answers", [[], ["x", "y"], [f"out/{TWO}.json"]])
def test_an_answer_for_another_item_is_refused(answers: list[str]) -> None:
    with pytest.raises(CFError) as caught:
        only_signed_url(f"out/{ONE}.json", signed(*answers), "s1", ONE)
    assert caught.value.code == "mismatch"
