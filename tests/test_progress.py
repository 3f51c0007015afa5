from __future__ import annotations

import asyncio
import io
import subprocess
import sys
import types
from contextlib import redirect_stderr
from pathlib import Path
from typing import Any

import pytest

from cf_ai_platform_client import CFUserClient
from cf_ai_platform_client.events import (
    AssetFailed,
    AssetMissing,
    AssetSkipped,
    AssetStored,
    ConcurrencyChanged,
    Event,
    ExportBytes,
    ExportStatusChanged,
    ExportStored,
    ItemFailed,
    ItemPruned,
    ItemSkipped,
    ItemStored,
    ListingFinished,
    PageListed,
    Progress,
    RetryScheduled,
    Warned,
)
from cf_ai_platform_client.progress import ExportProgress, ProgressReport, in_notebook, shows_bars
from cf_ai_platform_client.sandbox import Sandbox

EVENTS: list[Event] = [
    PageListed(2, 3),
    ConcurrencyChanged("storage", 20),
    ItemStored("a", "plots/a.json", 7),
    RetryScheduled("storage", 2, 1.25, "truncated", "b"),
    ItemFailed("b", "not_found", "gone"),
    PageListed(2, None),
    Warned("odd"),
    ListingFinished(4),
    ItemStored("c", "plots/c.json", 5),
]


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture
def notebook(monkeypatch: pytest.MonkeyPatch) -> None:
    shell = types.SimpleNamespace(config={"IPKernelApp": {}})
    monkeypatch.setitem(sys.modules, "IPython", types.SimpleNamespace(get_ipython=lambda: shell))  # type: ignore[arg-type]


def report_all(progress: Any) -> None:
    with ProgressReport(progress) as report:
        for event in EVENTS:
            report.handle(event)


def test_a_function_is_told_how_far_it_is_after_each_item() -> None:
    seen: list[Progress] = []
    report_all(seen.append)
    assert seen == [Progress(1, 0, 3, 7), Progress(2, 1, 3, 7), Progress(3, 1, 4, 12)]


def test_items_that_are_skipped_are_done_and_bring_no_bytes() -> None:
    seen: list[Progress] = []
    with redirect_stderr(Terminal()) as terminal, ProgressReport(True) as bar, ProgressReport(seen.append) as report:
        for event in (PageListed(2, 2), ItemStored("a", "a.json", 7), ItemSkipped("b", "b.json"), ItemPruned("c", "c")):
            report.handle(event)
            bar.handle(event)
    assert seen == [Progress(1, 0, 2, 7), Progress(2, 0, 2, 7)]
    assert "2/2" in terminal.getvalue().rsplit("\r", 1)[-1]


def test_nobody_knows_the_total_before_the_server_says_it() -> None:
    seen: list[Progress] = []
    with ProgressReport(seen.append) as report:
        report.handle(PageListed(2, None))
        report.handle(ItemStored("a", "a.json", 1))
    assert seen == [Progress(1, 0, None, 1)]


@pytest.mark.parametrize("progress", [None, True])
def test_a_bar_is_drawn_on_a_terminal(progress: bool | None) -> None:
    with redirect_stderr(Terminal()) as terminal:
        report_all(progress)
    last = terminal.getvalue().rsplit("\r", 1)[-1]
    assert "3/4" in last
    assert "failed=1" in last
    assert last.endswith("\n")


@pytest.mark.parametrize("progress", [False, lambda _: None])
def test_a_bar_is_not_drawn_where_something_else_is_asked_for(progress: Any) -> None:
    with redirect_stderr(Terminal()) as terminal:
        report_all(progress)
    assert terminal.getvalue() == ""


def test_a_bar_is_drawn_off_a_terminal_only_where_asked_for(capsys: pytest.CaptureFixture[str]) -> None:
    report_all(None)
    assert capsys.readouterr().err == ""
    report_all(True)
    assert "3/4" in capsys.readouterr().err


def test_a_bar_is_closed_when_the_run_fails() -> None:
    def run() -> None:
        with ProgressReport(True) as report:
            report.handle(ItemStored("a", "a.json", 1))
            raise KeyError

    with redirect_stderr(Terminal()) as terminal, pytest.raises(KeyError):
        run()
    assert terminal.getvalue().endswith("\n")


@pytest.mark.parametrize(
    ("progress", "wanted"), [(None, False), (False, False), (True, True), (print, True)], ids=lambda value: repr(value)
)
def test_events_are_wanted_only_where_somebody_looks(progress: Any, wanted: bool) -> None:
    with ProgressReport(progress) as report:
        assert report.wanted is wanted


@pytest.mark.parametrize("progress", [1, 0, "yes", "", [], {"bar": True}], ids=repr)
def test_anything_else_is_refused(progress: Any) -> None:
    with pytest.raises(ValueError, match=r"^progress is .*: it must be None, True, False or a function\.$"):
        ProgressReport(progress)


def test_it_is_refused_before_any_request(cf_sandbox: Sandbox, tmp_path: Path) -> None:
    client: Any = CFUserClient(cf_sandbox.api_key, cf_sandbox.base_url)
    with pytest.raises(ValueError, match="^progress is 'yes'"):
        asyncio.run(client.download_project("sample-project", "sample-space", tmp_path / "out", progress="yes"))
    assert not cf_sandbox.counts


def test_without_standard_error_there_is_no_bar(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stderr", None)  # as under pythonw
    assert not shows_bars()
    report_all(None)


def test_a_notebook_shows_bars(notebook: None) -> None:
    assert in_notebook()
    assert shows_bars()


def test_a_notebook_without_widgets_shows_a_bar_of_text_and_no_warning(
    notebook: None, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "ipywidgets", None)
    report_all(None)
    assert "3/4" in capsys.readouterr().err


@pytest.mark.parametrize(
    "module",
    [
        None,
        types.SimpleNamespace(),
        types.SimpleNamespace(get_ipython=lambda: None),
        types.SimpleNamespace(get_ipython=lambda: types.SimpleNamespace(config={"TerminalIPythonApp": {}})),
    ],
    ids=["none", "half imported", "no shell", "a shell in a terminal"],
)
def test_what_is_no_notebook(module: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "IPython", module)
    assert not in_notebook()


def test_tqdm_is_imported_only_for_a_bar() -> None:
    code = (
        "import sys; from cf_ai_platform_client.progress import ProgressReport;"
        "ProgressReport(None); ProgressReport(print); assert 'tqdm' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True, stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


EXPORT_EVENTS: list[Event] = [
    ExportStatusChanged("e", "PENDING\x1b[2J", 0.0),
    Warned("odd"),
    ExportBytes("e", 1024, 4096),
    ExportBytes("e", 512, None),
    ExportStored("e", "e.zip", 4096),
]


def report_export(progress: Any) -> None:
    with ExportProgress(progress) as report:
        for event in EXPORT_EVENTS:
            report.handle(event)


def test_a_bar_for_an_export_shows_its_status_and_then_its_bytes() -> None:
    out = io.StringIO()
    with redirect_stderr(out):
        report_export(True)
    assert "Export PENDING\\x1b[2J" in out.getvalue()
    assert "\x1b[2J" not in out.getvalue()
    assert "Downloaded: 100%" in out.getvalue()
    assert "4.00k/4.00k" in out.getvalue()


def test_a_function_is_told_of_an_export_as_one_item() -> None:
    seen: list[Progress] = []
    report_export(seen.append)
    assert seen == [Progress(0, 0, 1, 0), Progress(0, 0, 1, 1024), Progress(0, 0, 1, 512), Progress(1, 0, 1, 4096)]


@pytest.mark.parametrize("progress", [None, False])
def test_nothing_is_drawn_of_an_export_where_nobody_watches(progress: Any) -> None:
    out = io.StringIO()
    with redirect_stderr(out):
        report_export(progress)
        assert not ExportProgress(progress).wanted
    assert out.getvalue() == ""


def test_a_terminal_gets_a_bar_for_an_export() -> None:
    out = Terminal()
    with redirect_stderr(out):
        report_export(None)
    assert "Downloaded: 100%" in out.getvalue()


def test_what_is_no_progress_is_refused_for_exports_too() -> None:
    with pytest.raises(ValueError, match="progress is 7"):
        ExportProgress(7)  # type: ignore[arg-type]


def test_with_assets_an_item_is_done_with_its_asset_and_fails_once() -> None:
    seen: list[Progress] = []
    events: list[Event] = [
        PageListed(6, 6),
        ItemStored("a", "a.json", 7),
        AssetStored("a", "a.jpg", 100),
        ItemFailed("b", "not_found", "gone"),
        AssetFailed("b", "not_found", "gone"),
        ItemSkipped("c", "c.json"),
        AssetSkipped("c", "c.jpg"),
        ItemStored("d", "d.json", 5),
        AssetMissing("d"),
        ItemStored("e", "e.json", 1),
        AssetFailed("e", "mismatch", "a page"),
        ItemFailed("", "invalid_item", "no id"),
    ]
    with ProgressReport(seen.append, assets=True) as report:
        for event in events:
            report.handle(event)
    assert [(each.done, each.failed, each.bytes) for each in seen] == [
        (0, 0, 7),
        (1, 0, 107),
        (1, 1, 107),
        (2, 1, 107),
        (3, 1, 107),
        (3, 1, 112),
        (4, 1, 112),
        (4, 1, 113),
        (5, 2, 113),
        (6, 3, 113),
    ]


def test_assets_that_are_retried_are_no_items() -> None:
    seen: list[Progress] = []
    with ProgressReport(seen.append) as report:
        for event in (PageListed(1, 1), ItemSkipped("a", "a.json"), AssetStored("a", "a.jpg", 100)):
            report.handle(event)
    assert seen == [Progress(1, 0, 1, 0), Progress(1, 0, 1, 100)]
