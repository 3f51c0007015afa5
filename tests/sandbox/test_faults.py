from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from cf_ai_platform_client.sandbox import STORM, Fault
from cf_ai_platform_client.sandbox.faults import Script, load


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ({"endpoint": "export"}, "endpoint is 'export': it must be one of work_items, batches, annotations"),
        ({"endpoint": 5}, "endpoint is 5"),
        ({"action": "explode"}, "action is 'explode': it must be one of status, headers, reset, truncated"),
        ({"match": 1}, "match is 1: it must be text"),
        ({"nth": 0}, "nth is 0: it must be a number from 1, or several"),
        ({"nth": [1, 0]}, r"nth is \[1, 0\]"),
        ({"nth": "12"}, "nth is '12'"),
        ({"nth": 1.5}, "nth is 1.5"),
        ({"rate": 1.5}, "rate is 1.5: it must be between 0 and 1"),
        ({"rate": -0.1}, "rate is -0.1"),
        ({"rate": "0.5"}, "rate is '0.5'"),
        ({"rate": 0.5, "nth": 1}, "rate is 0.5: it must be left out where nth is given"),
        ({"times": 0}, "times is 0: it must be a number from 1"),
        ({"status": 99}, "status is 99: it must be an HTTP status"),
        ({"status": "503"}, "status is '503'"),
        ({"status": True}, "status is True"),
        ({"headers": {"Retry-After": 1}}, "headers is {'Retry-After': 1}: it must be a table of texts"),
        ({"headers": "Retry-After: 1"}, "headers is 'Retry-After: 1'"),
        ({"body": 0}, "body is 0: it must be text"),
        ({"delay": -1}, "delay is -1: it must be seconds, not negative"),
        ({"delay": "1"}, "delay is '1'"),
        ({"bytes_per_second": 0}, "bytes_per_second is 0: it must be more than 0"),
        ({"bytes_per_second": "fast"}, "bytes_per_second is 'fast'"),
    ],
    ids=str,
)
def test_a_wrong_row_is_refused_with_a_sentence(wrong: dict[str, Any], sentence: str) -> None:
    row: dict[str, Any] = {"endpoint": "storage", "action": "status", **wrong}
    with pytest.raises(ValueError, match=sentence):
        Fault(**row)


@pytest.mark.parametrize(
    ("nth", "numbers"), [((), ()), (3, (3,)), ([1, 2], (1, 2)), (range(6, 9), (6, 7, 8)), ((5,), (5,))]
)
def test_the_requests_of_a_row(nth: Any, numbers: tuple[int, ...]) -> None:
    assert Fault("*", "reset", nth=nth).requests == numbers


def struck(script: Script, paths: int = 10, endpoint: str = "storage") -> list[int]:
    """Return which of some requests are struck, from 1."""
    return [number for number in range(1, paths + 1) if script.strike(endpoint, f"/storage/{number}")]


@pytest.mark.parametrize(
    ("more", "requests"),
    [
        ({}, [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]),
        ({"nth": 1}, [1]),
        ({"nth": [2, 4, 40]}, [2, 4]),
        ({"times": 3}, [1, 2, 3]),
        ({"nth": [2, 4, 6], "times": 2}, [2, 4]),
        ({"rate": 0.0}, []),
        ({"rate": 1.0, "times": 1}, [1]),
        ({"match": "/storage/1"}, [1, 10]),
        ({"match": "/storage/1", "nth": 2}, [10]),
        ({"match": "elsewhere"}, []),
    ],
    ids=str,
)
def test_a_row_strikes_its_requests(more: dict[str, Any], requests: list[int]) -> None:
    assert struck(Script([Fault("storage", "reset", **more)])) == requests


@pytest.mark.parametrize(("endpoint", "strikes"), [("storage", True), ("*", True), ("batches", False)])
def test_a_row_strikes_its_endpoint(endpoint: Any, strikes: bool) -> None:
    assert bool(struck(Script([Fault(endpoint, "reset")]))) == strikes


def test_a_row_counts_only_the_requests_that_concern_it() -> None:
    script = Script([Fault("storage", "reset", match="b", nth=2)])
    assert [bool(script.strike("storage", path)) for path in ("b", "a", "a", "b", "b")] == [
        False,
        False,
        False,
        True,
        False,
    ]


def test_once_per_path_strikes_a_path_once() -> None:
    script = Script([Fault("storage", "reset", once_per_path=True)])
    assert [bool(script.strike("storage", path)) for path in "aabab"] == [True, False, True, False, False]


def test_once_per_path_with_a_rate_waits_for_the_first_strike_of_each() -> None:
    script = Script([Fault("storage", "reset", once_per_path=True, rate=0.2)], seed=3)
    seen = Counter(path for _ in range(100) for path in "abc" if script.strike("storage", path))
    assert seen == {"a": 1, "b": 1, "c": 1}


def test_the_first_row_that_strikes_wins_and_the_others_count_on() -> None:
    first, second = Fault("storage", "reset", nth=2), Fault("storage", "truncated", nth=[2, 3])
    script = Script([first, second])
    assert [script.strike("storage", "p") for _ in range(4)] == [None, first, second, None]


def test_a_row_that_is_used_up_makes_way() -> None:
    first, second = Fault("storage", "reset", times=1), Fault("storage", "truncated")
    script = Script([first, second])
    assert [script.strike("storage", "p") for _ in range(3)] == [first, second, second]


def test_a_seed_decides_where_a_rate_strikes() -> None:
    runs = [struck(Script([Fault("storage", "reset", rate=0.5)], seed), 200) for seed in (1, 1, 2)]
    assert runs[0] == runs[1] != runs[2]
    assert 50 < len(runs[0]) < 150


def test_what_an_earlier_row_does_leaves_the_chance_of_a_later_one_alone() -> None:
    later = Fault("storage", "truncated", rate=0.5)
    alone = struck(Script([later], seed=5), 50)
    script = Script([Fault("storage", "reset", nth=range(1, 11)), later], seed=5)
    faults = [script.strike("storage", f"/storage/{number}") for number in range(1, 51)]
    assert [n for n, fault in enumerate(faults, 1) if fault is later] == [n for n in alone if n > 10]


def test_storm_is_there_by_name() -> None:
    assert load("storm") is STORM
    assert {fault.action for fault in STORM} == {"status", "reset", "truncated"}
    assert {fault.endpoint for fault in STORM} == {"work_items", "batches", "annotations", "signed_urls", "storage"}


TOML = """
[[fault]]
endpoint = "storage"
rate = 0.1
action = "truncated"

[[fault]]
endpoint = "annotations"
nth = [1, 3]
action = "status"
status = 429
headers = { Retry-After = "1" }
match = "é"
"""


def test_rows_come_from_a_file(tmp_path: Path) -> None:
    path = tmp_path / "faults.toml"
    path.write_text(TOML, encoding="utf-8")
    assert load(str(path)) == [
        Fault("storage", "truncated", rate=0.1),
        Fault("annotations", "status", nth=[1, 3], status=429, headers={"Retry-After": "1"}, match="é"),
    ]


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"nonsense", "is not TOML: "),
        (b"\xff", "is not TOML: "),
        (b"", r"must hold \[\[fault\]\] rows and nothing else"),
        (b'[fault]\nendpoint = "*"', r"must hold \[\[fault\]\] rows"),
        (b"[[faults]]\n", r"must hold \[\[fault\]\] rows"),
        (b"seed = 1\n[[fault]]\n", r"must hold \[\[fault\]\] rows"),
        (b"fault = [1]", r"row 1: write \[\[fault\]\] on a line of its own"),
        (b'[[fault]]\nendpoint = "*"', "row 1: action is missing"),
        (b'[[fault]]\naction = "reset"', "row 1: endpoint is missing"),
        (
            b'[[fault]]\nendpoint = "*"\nactoin = "reset"',
            "row 1: actoin is not known; a row has endpoint, action, match",
        ),
        (
            b'[[fault]]\nendpoint = "*"\naction = "reset"\n[[fault]]\nendpoint = "x"\naction = "reset"',
            "row 2: endpoint is",
        ),
        (b'[[fault]]\nendpoint = "*"\naction = "reset"\nrate = "often"', "row 1: rate is 'often': it must be between"),
        (b'[[fault]]\nendpoint = ["*"]\naction = "reset"', r"row 1: endpoint is \['\*'\]: it must be one of"),
        (b'[[fault]]\nendpoint = "*"\naction = "status"\nheaders = {a = 1}', "row 1: headers is {'a': 1}"),
    ],
)
def test_a_file_that_holds_no_rows_is_refused_with_a_sentence(content: bytes, sentence: str, tmp_path: Path) -> None:
    path = tmp_path / "faults.toml"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=sentence) as caught:
        load(str(path))
    assert str(caught.value).startswith(str(path))


def test_a_file_that_is_not_there_is_told_apart_from_one_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="neither 'storm' nor a file that is there"):
        load(str(tmp_path / "missing.toml"))
    with pytest.raises(OSError):
        load(str(tmp_path))
