"""How a download is summed up: some lines for people, or one JSON object."""

from __future__ import annotations

import json
import textwrap
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from ..core.redaction import printable
from ..errors import CFError
from ..events import AssetFailed, ItemFailed
from ..models import AssetSummary, DownloadSummary
from .exits import DISK, SOME_FAILED, exit_code_of, say, sentence
from .tables import files_text, size_text, terminal_width
from .tally import Tally

Failed = ItemFailed | AssetFailed

_DISK_CODES = {"disk_error", "disk_full"}


def print_summary(summary: DownloadSummary, tally: Tally, destination: str, ended_by: Exception | None = None) -> None:
    """Say how many came, how many failed and why, how much and how fast; what ended the run is said by others."""
    if not summary.total_items:
        say(tally.nothing)
    else:
        say(f"{summary.successful:,} of {summary.total_items:,} work items are below {printable(destination, 1000)}")
        say(_fetched(summary))
        _print_assets(summary.assets)
    if tally.retries:
        why = ", ".join(f"{count:,} {code}" for code, count in tally.retries.most_common())
        _print_wrapped(f"{tally.retries.total():,} calls were made again ({why}).", 0)
    if summary.not_attempted:
        say(f"{summary.not_attempted:,} were not attempted, because the run ended before.")
    if summary.failed and tally.codes:
        _print_failures(f"{summary.failed:,} failed:", tally.codes, tally.first, str(ended_by))
    if tally.asset_codes:
        said = f"{tally.asset_codes.total():,} assets failed; their documents are counted above:"
        _print_failures(said, tally.asset_codes, tally.first_assets, str(ended_by))
    _print_stale(summary)
    for warning in summary.warnings:
        _print_wrapped(f"Note: {warning}", 0)


def summary_json(summary: DownloadSummary, tally: Tally, destination: str, error: Exception | None, code: int) -> str:
    """Write the one object of `--json`; `error` is there where one ended the run."""
    body: dict[str, Any] = {"destination": destination, **summary.model_dump(mode="json")}
    body |= {"failed_by_code": dict(tally.codes), "retries_by_code": dict(tally.retries), "exit_code": code}
    if summary.assets is not None:
        body["assets"]["failed_by_code"] = dict(tally.asset_codes)
    if error is not None:
        body["error"] = error_object(error)
    return json.dumps(body)


def code_of_failures(summary: DownloadSummary, tally: Tally) -> int:
    """Return the exit code of a run that came to its end: 0, or what stands for its failures."""
    if not summary.failed:
        return SOME_FAILED if summary.assets is not None and summary.assets.failed else 0
    nothing_can_be_written = not summary.successful and set(tally.codes) <= _DISK_CODES
    return DISK if nothing_can_be_written else SOME_FAILED


def _print_assets(assets: AssetSummary | None) -> None:
    if assets is None:
        return
    wanted = assets.successful + assets.failed + assets.not_attempted
    if wanted:
        skipped = f", {assets.skipped:,} of them unchanged" if assets.skipped else ""
        fetched = f"; {size_text(assets.bytes)} fetched" if assets.successful > assets.skipped else ""
        say(f"{assets.successful:,} of {wanted:,} assets are beside them{skipped}{fetched}")
    if assets.missing:
        say(f"{assets.missing:,} work items name no asset")


def _print_stale(summary: DownloadSummary) -> None:
    if summary.pruned:
        say(f"Deleted {files_text(summary.pruned)} that no work item of the project has any more.")
    if summary.stale > summary.pruned:
        left = files_text(summary.stale - summary.pruned)
        what = "that no work item of the project has any more; --prune deletes what nobody altered."
        _print_wrapped(f"Kept {left} {what}", 0)


def _fetched(summary: DownloadSummary) -> str:
    elapsed = f"{summary.elapsed:.{2 if summary.elapsed < 10 else 0}f} s"
    fetched = summary.successful - summary.skipped
    if summary.skipped and not fetched:
        return f"all of these unchanged since they were fetched; looked at in {elapsed}"
    rate = f", {fetched / summary.elapsed:,.0f} items a second" if fetched and summary.elapsed > 0 else ""
    skipped = f"; {summary.skipped:,} of them unchanged, {fetched:,} fetched" if summary.skipped else ""
    return f"{size_text(summary.bytes)} in {elapsed}{rate}{skipped}"


def _print_failures(
    title: str, codes: Counter[str], first: Mapping[str, Sequence[Failed]], said_elsewhere: str
) -> None:
    say()
    say(title)
    for code, count in codes.most_common():
        say(f"  {count:>9,}  {code}")
        for failure in [each for each in first[code] if each.error != said_elsewhere]:
            named = failure.item_id and failure.item_id not in failure.error
            _print_wrapped(f"{failure.item_id}: {failure.error}" if named else failure.error, 13)
        if count > len(first[code]):
            _print_wrapped(f"and {count - len(first[code]):,} more", 13)


def _print_wrapped(text: str, indent: int) -> None:
    margin = " " * indent
    width = max(40, terminal_width() or 10_000)
    safe = printable(text, 1000)
    say(
        textwrap.fill(
            safe,
            width,
            initial_indent=margin,
            subsequent_indent=margin,
            break_long_words=False,
            break_on_hyphens=False,
        )
    )


def error_object(error: Exception) -> dict[str, Any]:
    """Write an error as it stands in an object of `--json`."""
    if isinstance(error, CFError):
        fields = ("code", "message", "hint", "status", "request_id")
        return {name: getattr(error, name) for name in fields}
    code = "internal_error" if exit_code_of(error) is None else "disk_error"
    return {"code": code, "message": printable(sentence(error)), "hint": None, "status": None, "request_id": None}
