"""A bar, or the user's own function, drawn from the events of a transfer."""

from __future__ import annotations

import importlib
import importlib.util
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from .core.redaction import printable
from .events import (
    AssetFailed,
    AssetMissing,
    AssetSkipped,
    AssetStored,
    Event,
    ExportBytes,
    ExportStatusChanged,
    ExportStored,
    ItemFailed,
    ItemSkipped,
    ItemStored,
    ListingFinished,
    PageListed,
    Progress,
    ProgressHandler,
)

if TYPE_CHECKING:
    from types import TracebackType

    from typing_extensions import Self

_WAITING = "{desc} ..."  # no time: nothing is drawn until the status changes


class _Shown:
    """What `progress` asks for, a bar or the user's function. A context manager, which closes the bar."""

    def __init__(self, progress: bool | ProgressHandler | None, **bar: Any) -> None:
        if not (progress is None or isinstance(progress, bool) or callable(progress)):
            raise ValueError(f"progress is {progress!r}: it must be None, True, False or a function.")
        self._show: Callable[[Progress], object] | None = progress if callable(progress) else None
        self._bar: Any = _make_bar(**bar) if progress is True or (progress is None and shows_bars()) else None

    @property
    def wanted(self) -> bool:
        """Whether anybody looks."""
        return self._bar is not None or self._show is not None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bar is not None:
            self._bar.close()


class ProgressReport(_Shown):
    """Counts events and shows them: `progress` as in `download_project`. A context manager.

    With `assets` an item is done when its asset is.
    """

    def __init__(self, progress: bool | ProgressHandler | None, *, assets: bool = False) -> None:
        super().__init__(progress, desc="Downloading", unit="item")
        self._assets = assets
        self._without_document: set[str] = set()
        self._done = self._failed = self._bytes = self._listed = 0
        self._total: int | None = None

    def handle(self, event: Event) -> None:
        """Take one event in."""
        match event:
            case ItemStored(size=size):
                self._count(size, done=not self._assets)
            case ItemSkipped() if not self._assets:
                self._count(0)
            case ItemFailed(item_id=item_id):
                self._failed += 1
                self._without_document.add(item_id)
                self._count(0, done=not (self._assets and item_id))
            case AssetStored(item_id=item_id, size=size):
                self._asset_ended(item_id, size)
            case AssetSkipped(item_id=item_id) | AssetMissing(item_id=item_id):
                self._asset_ended(item_id, 0)
            case AssetFailed(item_id=item_id):
                self._failed += item_id not in self._without_document
                self._asset_ended(item_id, 0)
            case PageListed(items=items, total=total):
                self._listed += items
                self._know(total)
            case ListingFinished(items=items):
                self._know(items)
            case _:
                pass

    def _asset_ended(self, item_id: str, size: int) -> None:
        self._without_document.discard(item_id)
        self._count(size, done=self._assets)

    def _count(self, size: int, *, done: bool = True) -> None:
        self._done += done
        self._bytes += size
        if self._bar is not None:
            self._bar.update(int(done))
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


class ExportProgress(_Shown):
    """Shows an export on its way, its status first and then its bytes: `progress` as in `wait_for_export`.

    A context manager.
    """

    def __init__(self, progress: bool | ProgressHandler | None) -> None:
        bar = {"unit": "B", "unit_scale": True, "unit_divisor": 1024, "bar_format": _WAITING}
        super().__init__(progress, desc="Export", **bar)
        self._bytes = 0

    def handle(self, event: Event) -> None:
        """Take one event in."""
        match event:
            case ExportStatusChanged(status=status):
                self._tell(0, f"Export {printable(status, 40)}")
            case ExportBytes(bytes=size, total=total):
                self._bytes = size
                self._draw(size, total)
                self._tell(0, "Downloading")
            case ExportStored(size=size):
                self._bytes = size
                self._draw(size, size)
                self._tell(1, "Downloaded")
            case _:
                pass

    def _tell(self, done: int, what: str) -> None:
        if self._bar is not None:
            self._bar.set_description_str(what, refresh=bool(done) or what != "Downloading")
        if self._show is not None:
            self._show(Progress(done, 0, 1, self._bytes))

    def _draw(self, size: int, total: int | None) -> None:
        if self._bar is not None:
            if self._bar.bar_format is not None:
                self._bar.bar_format = None
                self._bar.reset()  # so that the rate is that of the download, without the waiting
            self._bar.total = total
            self._bar.update(size - self._bar.n)


def shows_bars() -> bool:
    """Tell whether somebody watches: a terminal, or a notebook."""
    return in_notebook() or (sys.stderr is not None and sys.stderr.isatty())


def in_notebook() -> bool:
    """Tell whether this runs in a Jupyter kernel."""
    get_shell: Any = getattr(sys.modules.get("IPython"), "get_ipython", None)
    shell = get_shell() if get_shell is not None else None
    return shell is not None and "IPKernelApp" in getattr(shell, "config", {})


def _make_bar(**options: Any) -> Any:
    with_widgets = in_notebook() and importlib.util.find_spec("ipywidgets") is not None  # else tqdm.auto complains
    tqdm: Any = importlib.import_module("tqdm.auto" if with_widgets else "tqdm").tqdm
    return tqdm(dynamic_ncols=True, smoothing=0.1, **options)
