"""What the commands that write share: a bar, errors in the words of the command line, and what came in and went out."""

from __future__ import annotations

import importlib
import json
import re
from collections.abc import Callable, Generator, Iterable
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from ...core.redaction import printable
from ..exits import SOME_FAILED, USAGE, Ended, complain, is_usage, say
from ..tables import Column, Table

if TYPE_CHECKING:
    from ...datasets.dataset import Dataset
    from ...datasets.report import Report, Tally

_MOST_REASONS = 1000
_WORDS = (
    (re.compile(r"^out is "), "OUT is "),
    (re.compile(r"^path is "), "PATH is "),
    (re.compile(r"^format is "), "--to is "),
    (re.compile(r"^batches (?=is |holds )"), "--batch "),
    (re.compile(r"^categories (?=is |holds )"), "--category "),
    (re.compile(r"^min_area (?=is )"), "--min-area "),
    (re.compile(r"^(by|group|seed|images|crowds|previous) (?=is |has |cuts |goes )"), r"--\1 "),
    (re.compile(r"\bprevious (?=names\b)"), "--previous "),
    (re.compile(r"^train, val and test are"), "The shares of train, val and test are"),
    (re.compile(r"\b(overwrite)=True"), r"--\1"),
    (re.compile(r"\bkeep_empty=False"), "--skip-empty"),
    (re.compile(r"^item_ids (?=holds )"), "--item "),
    (re.compile(r"\b(previous|group|batches|categories|item_ids)=(?: |(?=this))"), r"--\1 "),
    (re.compile(r"""\b(by|images|crowds)=['"](\w+)['"]"""), r"--\1 \2"),
)


def show_report(report: Report) -> None:
    """Write a table of what came in, went out and was left out; why; what was changed; and the notes."""
    table = Table([Column("IN", 7, True), Column("OUT", 7, True), Column("LEFT OUT", 8, True), Column("", 11)])
    for name, tally in _tallies(report):
        table.row([*(f"{count:,}" for count in (tally.came_in, tally.went_out, tally.left_out.total())), name])
    for name, tally in _tallies(report):
        for why, count in tally.left_out.most_common(_MOST_REASONS):
            say(f"Left out: {_counted(count, name)}: {printable(why, 1000)}")
    for what, count in report.changed.most_common(_MOST_REASONS):
        say(f"Changed: {count:,}: {printable(what, 1000)}")
    show_notes(report.warnings)


def show_notes(warnings: Iterable[str]) -> None:
    """Write each warning of a report in the words of the command line."""
    for warning in warnings:
        say(f"Note: {printable(_typed(warning), 1000)}")


def report_object(report: Report) -> dict[str, Any]:
    """Write a report as it stands in an object of `--json`."""
    counts = {
        name: {"in": tally.came_in, "out": tally.went_out, "left_out": dict(tally.left_out)}
        for name, tally in _tallies(report)
    }
    return {**counts, "changed": dict(report.changed), "warnings": report.warnings, "files": report.files}


def check_usable(dataset: Dataset, path: str, *, as_json: bool, **more: Any) -> None:
    """End with 1, and why, before anything is written where no document can be used, or filters let nothing through."""
    from ...datasets.report import Report

    if dataset.scan.items and not (dataset.is_filtered and next(dataset.samples(), None) is None):
        return
    report = Report()
    for _ in dataset.items(report):
        pass
    report.all_the_rest_went_out()
    end_with(report, as_json=as_json, path=path, **more, matching=dataset.is_filtered and bool(dataset.scan.items))


def end_with(report: Report, *, as_json: bool, path: str, matching: bool = False, **more: Any) -> None:
    """Show a report and what was written; end with 1 where that is nothing, and say why: `matching` means filters."""
    problem = _problem(report, path, matching)
    if as_json:
        say(json.dumps({"path": path, **more, **report_object(report), "exit_code": SOME_FAILED if problem else 0}))
    else:
        show_report(report)
        for file in report.files:
            say(f"Written: {printable(file, 1000)}")
    if problem:
        complain(problem)
        raise Ended(SOME_FAILED)


def no_document(path: str) -> str:
    """Say that nothing is there."""
    return f"There is no COCO document in {printable(path, 1000)} that could be used."


def _problem(report: Report, path: str, matching: bool) -> str | None:
    if matching:
        return f"No image in {printable(path, 1000)} matches the filters: nothing was written."
    if not report.documents.went_out:
        return no_document(path)
    if report.annotations.came_in and not report.annotations.went_out:
        return "All annotations were left out: what was written holds none."
    return None


@contextmanager
def as_typed() -> Generator[None, None, None]:
    """Put the errors that pass in the words of the command line; a missing extra is a usage error."""
    from ...datasets.extras import MissingExtra
    from ...errors import CFError

    try:
        yield
    except MissingExtra as error:
        complain(str(error))
        raise Ended(USAGE) from None
    except CFError as error:
        error.hint = error.hint and _typed(error.hint)
        raise
    except ValueError as error:
        raise (ValueError(_typed(str(error))) if is_usage(error) else error) from None


@contextmanager
def bar(
    what: str, unit: str, total: Callable[[], int], wanted: bool | None
) -> Generator[Callable[[Report], None] | None, None, None]:
    """Draw a bar of documents or images that came in, on a terminal or where it is wanted; yields what moves it."""
    from ...progress import shows_bars

    if not (shows_bars() if wanted is None else wanted):
        yield None
        return
    tqdm: Any = importlib.import_module("tqdm").tqdm
    with tqdm(desc=what, unit=unit, total=total(), dynamic_ncols=True, leave=False) as drawn:

        def move(report: Report) -> None:
            count = (report.documents if unit == "document" else report.images).came_in
            drawn.update(min(count, drawn.total) - drawn.n)

        yield move


def _typed(text: str) -> str:
    for pattern, words in _WORDS:
        text = pattern.sub(words, text)
    return text


def _counted(count: int, things: str) -> str:
    return f"{count:,} {things if count != 1 else things[:-1]}"


def _tallies(report: Report) -> list[tuple[str, Tally]]:
    return [("documents", report.documents), ("images", report.images), ("annotations", report.annotations)]
