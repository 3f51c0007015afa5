"""The fault matrix at the end of a test run: which rows were tried, and how often."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

import pytest

_ROW = re.compile(r"tests/faults/.*::test_([a-z]\d+|rule_\d+)_")


@pytest.fixture
def destination(tmp_path: Path) -> Path:
    """Return a folder that is not there yet."""
    return tmp_path / "out"


def _row_of(node: str) -> str | None:
    found = _ROW.search(node.replace("\\", "/"))
    return found.group(1).replace("_", " ").capitalize() if found else None


def _order(row: str) -> tuple[str, int]:
    return row.rstrip("0123456789"), int(re.sub(r"\D", "", row))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """List the rows of the fault matrix with how many of their cases passed, and whether one did not."""
    passed: Counter[str] = Counter()
    others: Counter[str] = Counter()
    for outcome, reports in terminalreporter.stats.items():
        for report in reports:
            row = _row_of(getattr(report, "nodeid", ""))
            if row and getattr(report, "when", "") == "call" and outcome != "skipped":
                (passed if outcome == "passed" else others)[row] += 1
    if passed or others:
        terminalreporter.section("fault matrix: cases passed by row")
        cells = [
            f"{row} {passed[row]}" + (f" ({others[row]} NOT)" if others[row] else "")
            for row in sorted({*passed, *others}, key=_order)
        ]
        terminalreporter.write_line(" · ".join(cells))
