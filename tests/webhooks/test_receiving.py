from __future__ import annotations

from typing import Any, get_args

import pytest

from cf_ai_platform_client.webhooks import WebhookApp, WebhookError, WebhookReason, WebhookWSGIApp
from cf_ai_platform_client.webhooks.receiving import (
    ACCEPTED,
    NOT_POST,
    TOO_LARGE,
    answer_before_reading,
    answer_to,
    length_of,
)

from .signing import Signer


@pytest.mark.parametrize(
    ("method", "length", "answer"),
    [
        ("POST", 0, None),
        ("POST", None, None),
        ("POST", 1 << 20, None),
        ("POST", (1 << 20) + 1, TOO_LARGE),
        ("GET", None, NOT_POST),
        ("HEAD", 0, NOT_POST),
        ("post", 0, NOT_POST),
    ],
)
def test_what_is_answered_before_a_body_is_read(method: str, length: int | None, answer: Any) -> None:
    assert answer_before_reading(method, length) is answer


@pytest.mark.parametrize("reason", get_args(WebhookReason))
def test_every_reason_has_an_answer_that_tells_nothing(reason: WebhookReason) -> None:
    answer = answer_to(WebhookError("secret", reason=reason))
    assert answer.status in {400, 401, 503}
    assert answer.body in {b"Bad request.\n", b"Refused.\n", b"Try again later.\n"}
    assert dict(answer.all_headers)["Content-Length"] == str(len(answer.body))


def test_an_accepted_one_has_no_body() -> None:
    assert (ACCEPTED.status, ACCEPTED.body, ACCEPTED.all_headers) == (204, b"", [])


@pytest.mark.parametrize(
    ("text", "length"),
    [("0", 0), ("17", 17), (None, None), ("", None), ("-1", None), ("1e3", None), ("\u0661", None), ("9" * 99, None)],
)
def test_a_length(text: str | None, length: int | None) -> None:
    assert length_of(text) == length


@pytest.mark.parametrize("app", [WebhookApp, WebhookWSGIApp])
@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ({"handler": None}, "handler is None: it must be a function that takes one event."),
        ({"attempts": 0}, "attempts is 0: it must be a whole number, at least 1."),
        ({"at_once": "all"}, "at_once is 'all'"),
    ],
)
def test_arguments_are_checked(app: Any, arguments: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ValueError) as caught:
        app(**{"handler": print, "verifier": Signer().verifier(), **arguments})
    assert str(caught.value).startswith(sentence)
