"""A bar, or the user's own function, drawn from the events of a transfer."""

from __future__ import annotations

import importlib
import importlib.util
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from .events import Event, ItemFailed, ItemSkipped, ItemStored, ListingFinished, PageListed, Progress, ProgressHandler

if TYPE_CHECKING:
    from types import TracebackType

    from typing_extensions import Self


class ProgressReport:
    """Counts events and shows them: `progress` as in `download_project`. A context manager."""

    def __init__(self, progress: bool | ProgressHandler | None) -> None:
        if not (progress is None or isinstance(progress, bool) or callable(progress)):
            raise ValueError(f"progress is {progress!r}: it must be None, True, False or a function.")
        self._done = self._failed = self._bytes = self._listed = 0
        self._total: int | None = None
        self._show: Callable[[Progress], object] | None = progress if callable(progress) else None
        self._bar: Any = None
        if progress is True or (progress is None and shows_bars()):
            self._bar = _make_bar()

    @property
    def wanted(self) -> bool:
        """Whether anybody looks."""
        return self._bar is not None or self._show is not None

    def handle(self, event: Event) -> None:
        """Take one event in."""
        match event:
            case ItemStored(size=size):
                self._count(size)
            case ItemSkipped():
                self._count(0)
            case ItemFailed():
                self._failed += 1
                self._count(0)
            case PageListed(items=items, total=total):
                self._listed += items
                self._know(total)
            case ListingFinished(items=items):
                self._know(items)
            case _:
                pass

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bar is not None:
            self._bar.close()

    def _count(self, size: int) -> None:
        self._done += 1
        self._bytes += size
        if self._bar is not None:
            self._bar.update(1)
            if self._failed:
                self._bar.set_postfix(failed=self._failed, refresh=False)
        if self._show is not None:
            self._show(Progress(self._done, self._failed, self._total, self._bytes))

    def _know(self, total: int | None) -> None:
        if total is None or total == self._total:
            return
        self._total = total
        if self._bar is not None:
            self._bar.total = total
            self._bar.refresh()


def shows_bars() -> bool:
    """Tell whether somebody watches: a terminal, or a notebook."""
    return in_notebook() or (sys.stderr is not None and sys.stderr.isatty())


def in_notebook() -> bool:
    """Tell whether this runs in a Jupyter kernel."""
    get_shell: Any = getattr(sys.modules.get("IPython"), "get_ipython", None)
    shell = get_shell() if get_shell is not None else None
    return shell is not None and "IPKernelApp" in getattr(shell, "config", {})


def _make_bar() -> Any:
    with_widgets = in_notebook() and importlib.util.find_spec("ipywidgets") is not None  # else tqdm.auto complains
    tqdm: Any = importlib.import_module("tqdm.auto" if with_widgets else "tqdm").tqdm
    return tqdm(desc="Downloading", unit="item", dynamic_ncols=True, smoothing=0.1)
