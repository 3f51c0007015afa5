from __future__ import annotations

import pytest

from cf_ai_platform_client.core.storage_paths import (
    AssetPlace,
    asset_place,
    match_signed_urls,
    only_signed_url,
    result_path,
)
from cf_ai_platform_client.errors import CFError
from cf_ai_platform_client.models import Annotation, SignedURLObject

SPACE, ITEM = "00000000-0000-4000-8000-0000000000aa", "0000abcd-0000-4000-8000-0000000000ee"
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
        ("https://bucket.example/a.json", "https://bucket.example/a.json"),
    ],
)
def test_the_result_is_found_in_its_space(url: str, path: str) -> None:
    assert result_path(annotation(url), "s1", ONE) == path


def test_ids_are_compared_without_case() -> None:
    assert result_path(annotation("a", ITEM.upper()), "s1", ITEM) == "a"


@pytest.mark.parametrize(
    ("found", "code"),
    [
        (annotation("s3://bucket/spaces/other/a.json"), "invalid_item"),
        (annotation("s3://bucket/spaces/s1/"), "invalid_item"),
        (annotation("s3://spaces/s1/a.json"), "invalid_item"),
        (annotation("s3://bucket/spaces/s10/a.json"), "invalid_item"),
        (annotation("s3://bucket/myspaces/s1/a.json"), "invalid_item"),
        (annotation("s3://bucket"), "invalid_item"),
        (annotation("  "), "no_result"),
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
    assert caught.value.item_id == ONE
    assert not caught.value.retryable


def test_urls_are_matched_by_path_in_any_order() -> None:
    assert match_signed_urls(["a", "b"], signed("b", "a"), "s1") == {"a": "https://s/1", "b": "https://s/0"}


@pytest.mark.parametrize(
    "spelling",
    [
        "/out/a%20b.json",
        "out/a b.json/",
        "spaces/s1/out/a b.json",
        "/spaces/s1/out/a%20b.json",
        "s3://x/spaces/s1/out/a b.json",
        "s3://x/tenant/spaces/s1/out/a b.json",
        "https://x.example/spaces/s1/out/a%20b.json",
    ],
)
def test_other_spellings_are_matched(spelling: str) -> None:
    assert match_signed_urls(["out/a b.json"], signed(spelling), "s1") == {"out/a b.json": "https://s/0"}


def test_a_path_without_an_answer_is_missing() -> None:
    assert match_signed_urls(["a", "b"], signed("a"), "s1") == {"a": "https://s/0"}
    assert match_signed_urls(["a"], [SignedURLObject(path="a", signedUrl="")], "s1") == {}
    assert match_signed_urls(["a"], [], "s1") == {}


@pytest.mark.parametrize("answer", ["s3://[half/a", "s3://", "://", "%", "%ff", "spaces/s1", "s3://x/spaces/s1/"])
def test_odd_answers_match_nothing(answer: str) -> None:
    assert match_signed_urls(["b"], signed(answer), "s1") == {}


def test_exact_answers_come_before_other_spellings() -> None:
    answers = signed("/a%20b", "a%20b", "a b")
    assert match_signed_urls(["a b", "a%20b"], answers, "s1") == {"a b": "https://s/2", "a%20b": "https://s/1"}


def test_an_answer_that_two_paths_could_claim_is_nobodys() -> None:
    assert match_signed_urls(["a b", "a%20b"], signed("/a%20b"), "s1") == {}
    assert match_signed_urls(["a b", "a b"], signed("/a%20b"), "s1") == {"a b": "https://s/0"}


def test_a_folder_that_is_named_like_the_space_stays() -> None:
    paths = ["out/spaces/s1/a", "a"]
    answers = signed("s3://x/spaces/s1/a", "s3://x/spaces/s1/out/spaces/s1/a")
    assert match_signed_urls(paths, answers, "s1") == {paths[0]: "https://s/1", "a": "https://s/0"}


def test_the_only_answer_counts_however_it_is_spelled() -> None:
    assert only_signed_url("out/a.json", signed("elsewhere"), "s1", "a") == "https://s/0"
    assert only_signed_url(f"out/{ONE}.json", signed("x", f"out/{ONE}.json"), "s1", ONE) == "https://s/1"
    assert only_signed_url(f"out/{ONE}.json", signed(f"y/{ONE.upper()}"), "s1", ONE) == "https://s/0"
    assert only_signed_url(f"out/{ITEM.upper()}.json", signed(f"y/{ITEM}"), "s1", ITEM) == "https://s/0"


@pytest.mark.parametrize(
    "answer", ["", "opaque-1f", f"{TWO}/out/{ONE}.json", f"spaces/{SPACE.upper()}/tmp", f"{SPACE}/{TWO}/{ONE}"]
)
def test_an_answer_that_names_no_other_item_is_taken(answer: str) -> None:
    assert only_signed_url(f"out/{ONE}.json", signed(answer), SPACE, ONE) == "https://s/0"


@pytest.mark.parametrize(
    ("path", "answers"),
    [
        pytest.param(f"out/{ONE}.json", [], id="no answer"),
        pytest.param(f"out/{ONE}.json", ["x", "y"], id="two answers"),
        pytest.param(f"out/{ONE}.json", [f"out/{TWO}.json"], id="another item"),
        pytest.param(f"{SPACE}/{ONE}.json", [f"{SPACE}/{TWO}.json"], id="another item in the same folder"),
        pytest.param("out/plain.json", [f"out/{TWO}.json"], id="an item where none was asked for"),
    ],
)
def test_an_answer_for_another_item_is_refused(path: str, answers: list[str]) -> None:
    with pytest.raises(CFError) as caught:
        only_signed_url(path, signed(*answers), "s1", ONE)
    assert (caught.value.code, caught.value.item_id) == ("mismatch", ONE)


def test_ids_that_are_no_uuids_are_told_apart_too() -> None:
    with pytest.raises(CFError, match="out/it-9"):
        only_signed_url("out/it-0.json", signed("out/it-9.json"), "s1", "it-0")
    assert only_signed_url("out/it-0.json", signed("elsewhere/x"), "s1", "it-0") == "https://s/0"


@pytest.mark.parametrize(
    ("url", "place"),
    [
        ("assets/a b.jpg", AssetPlace("assets/a b.jpg")),
        (" /assets/ä.jpg ", AssetPlace("/assets/ä.jpg")),
        ("odd folder://a.jpg", AssetPlace("odd folder://a.jpg")),
        ("s3://bucket/spaces/s1/assets/a.jpg", AssetPlace("assets/a.jpg")),
        ("https://images.example/a.jpg?sig=%2F1&b=c", AssetPlace(url="https://images.example/a.jpg?sig=%2F1&b=c")),
        ("HTTPS://images.example/ä b.jpg#top", AssetPlace(url="https://images.example/%C3%A4%20b.jpg")),
        ("http://images.example", AssetPlace(url="http://images.example")),
    ],
)
def test_an_asset_is_in_the_space_or_at_a_url(url: str, place: AssetPlace) -> None:
    assert asset_place(url, "s1", ONE) == place


@pytest.mark.parametrize(
    ("url", "says"),
    [
        (
            "s3://bucket/spaces/s2/a.jpg",
            "The asset of work item 1 is not in the space s1: s3://bucket/spaces/s2/a.jpg.",
        ),
        ("gs://bucket/a.jpg", "The asset of work item 1 is at gs://, which cannot be fetched."),
        ("file:///etc/passwd", "The asset of work item 1 is at file://, which cannot be fetched."),
    ],
)
def test_an_asset_elsewhere_cannot_be_fetched(url: str, says: str) -> None:
    with pytest.raises(CFError) as caught:
        asset_place(url, "s1", "1")
    assert (caught.value.code, caught.value.message) == ("invalid_item", says)
