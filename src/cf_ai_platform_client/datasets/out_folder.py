"""A folder that a tool writes: all of it or nothing, and over nobody's files."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import IO, Literal, TypeGuard, get_args

from typing_extensions import Self

from ..adapters.disk_errors import disk_error, unreadable
from ..adapters.file_tree import FileTree, Parts
from ..adapters.uninterrupted import uninterrupted
from ..adapters.written_files import Written, forget_written, read_written, write_written
from ..core.naming import OWN_FOLDER, SafeName, is_safe, name_key
from ..errors import DiskError
from .earlier_run import EarlierRun
from .report import Report

Images = Literal["copy", "link", "none"]
"""What becomes of the image files: copied, linked to (symbolic links), or left where they are."""

_PIECE = 1 << 20


class OutFolder:
    """Use it as a context manager: leaving it gives the files their names, an error leaves nothing behind.

    A folder that is not empty is refused with ValueError. With `overwrite`, what an earlier run wrote is replaced, or
    removed where this one does not write it; all other files, and those that somebody changed since, are left, and
    DiskError where one has a name that is to be written. With `among_others`, a name, the folder may hold other files;
    with `overwrite` those of the same names are replaced. One run at a time writes to a folder, among others one a
    name. `check` is called time and again while files are written, and may raise.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        overwrite: bool = False,
        images: Images = "copy",
        among_others: str | None = None,
        check: Callable[[], None] = lambda: None,
    ) -> None:
        self.path = Path(path)
        self.images: Images = images
        self.warnings: list[str] = []
        self._overwrite = overwrite
        self._among_others = among_others
        self._check = check
        self._missing = self._linked = 0
        self._tops: dict[str, None] = {}
        self._earlier = EarlierRun([])
        self._tree = FileTree(os.fspath(path), what="written", alone=_lock_name(among_others))

    def __enter__(self) -> Self:
        self._check_empty()
        try:
            self._tree.make()
            self._check_empty()  # another run may have ended meanwhile
        except BaseException:
            self._tree.undo()
            raise
        if not self._among_others:
            self._earlier = EarlierRun(read_written(self._tree.destination))
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if kind is not None:
            self._tree.undo()
            return
        self._warn_of_missing()
        try:
            self._publish()
        except BaseException:
            if not self._earlier.written:
                forget_written(self._tree.destination)
            self._tree.undo()
            raise
        self._tree.close()

    @contextmanager
    def open(self, name: str) -> Generator[IO[bytes], None, None]:
        """Open a new file for writing; `name` is relative, with `/`. Several may be open at once.

        What the disk refuses is DiskError; the file gets its name when all of the folder is written.
        """
        self._check()
        with self._tree.open(self._parts(name), check=self._check) as file:
            yield file

    def scratch(self) -> IO[bytes]:
        """Open a file for writing and reading that is gone in the end; use it as a context manager."""
        return self._tree.scratch(check=self._check)

    def add_image(self, name: str, source: str | None) -> bool:
        """Copy an image, or link to it, as `images` says; tell whether it is there now, which it is not without one."""
        if not self.is_on_disk(source) or self.images == "none":
            return False
        parts = self._parts(name)
        self._check()
        if self.images == "link":
            self._link(parts, os.path.abspath(source))  # noqa: PTH100 - links in it are kept as they are
            self._linked += 1
        else:
            self._copy(parts, source)
        return True

    def is_on_disk(self, source: str | None) -> TypeGuard[str]:
        """Tell whether there is an image file; a warning says in the end how many there are not. Ask once an image."""
        self._missing += source is None
        return source is not None

    @property
    def files(self) -> list[str]:
        """What lies at the top of the folder, folders with "/" at their end."""
        return [str(self.path / name) + ("/" if name.endswith("/") else "") for name in sorted(self._tops)]

    def link_warnings(self) -> list[str]:
        """Tell, where COCO documents go with links, who reads them without images."""
        what = "Images are links: other tools follow them; datasets.open and `cf-ai dataset` take them for missing."
        return [what] if self._linked else []

    def _check_empty(self) -> None:
        if not (self._overwrite or self._among_others) and _holds_files(self.path):
            raise ValueError(f"out is {str(self.path)!r}, which is not empty: choose a new folder, or overwrite=True.")

    def _warn_of_missing(self) -> None:
        if self._missing:
            what = "1 image is" if self._missing == 1 else f"{self._missing:,} images are"
            self.warnings.append(
                f"{what} not on the disk, and only what documents say of them was written: bring images with "
                "`cf-ai download PROJECT SPACE DEST --assets`, or put them where their file names lead."
            )

    def _parts(self, name: str) -> Parts:
        self._tops[name[: name.find("/") + 1] or name] = None
        parts = _parts(name)
        self._refuse_others(parts)
        return parts

    def _refuse_others(self, parts: Parts) -> None:
        if self._overwrite and not self._among_others:
            self._earlier.check("/".join(parts), self._tree.state(parts), self._tree.full_path(parts))

    def _copy(self, parts: Parts, source: str) -> None:
        try:
            image = Path(source).open("rb", buffering=0)  # noqa: SIM115 - errors of reading and writing differ
        except OSError as error:
            raise unreadable(error, source) from error
        with image, self._tree.open(parts, buffering=0, check=self._check) as file:
            while piece := _read(image, source):
                file.write(piece)

    def _link(self, parts: Parts, source: str) -> None:
        try:
            self._tree.link(parts, source)
        except DiskError as error:
            error.hint = f'{error.hint or ""} Or copy the images (images="copy").'.strip()
            raise

    def _publish(self) -> None:
        if self._among_others:
            self._tree.publish(overwrite=self._overwrite, check=self._check)
            return
        written: list[Written] = []
        for path, state in self._tree.staged():
            self._refuse_others(path)  # again, since a run takes its time
            written.append(("/".join(path), state))
        self._remember([*self._earlier.written, *written])  # before the files, so that none is ever nobody's
        self._tree.publish(overwrite=self._overwrite, check=self._check)
        if self._earlier.written:
            self._clean({name for name, _ in written})
            try:
                self._remember(written)
            except DiskError as error:
                self.warnings.append(str(error))

    def _remember(self, written: list[Written]) -> None:
        try:
            write_written(self._tree.destination, written)
        except OSError as error:
            raise disk_error(error, str(self.path / OWN_FOLDER)) from error

    def _clean(self, names: set[str]) -> None:
        stale: dict[str, bool] = {}
        for name, state in self._earlier.stale(names):
            stale[name] = self._tree.remove(_parts(name), state) or stale.get(name, False)
        left = [name for name, is_gone in stale.items() if not is_gone]
        if left:
            more = f" (and {len(left) - 1:,} more)" if len(left) > 1 else ""
            self.warnings.append(f"{self.path / left[0]}{more} is of an earlier run, but was changed since: it stays.")


def write_folder(
    path: str | os.PathLike[str],
    work: Callable[[OutFolder], None],
    report: Report,
    *,
    overwrite: bool,
    images: Images = "copy",
    among_others: str | None = None,
    progress: Callable[[Report], None] | None = None,
) -> None:
    """Have `work` write a folder, and note in the report what lies in it. Ctrl-C waits until nothing is half done."""

    def run(check: Callable[[], None]) -> None:
        def checked() -> None:
            check()
            if progress is not None:
                progress(report)

        out = OutFolder(path, overwrite=overwrite, images=images, among_others=among_others, check=checked)
        with out:
            work(out)
        report.files, report.warnings = out.files, report.warnings + out.warnings
        report.documents.went_out = report.documents.came_in - report.documents.left_out.total()

    uninterrupted(run)


def check_images(images: str) -> None:
    """Raise ValueError where that is not what may become of images."""
    if images not in get_args(Images):
        raise ValueError(f"images is {images!r}, but must be one of: {', '.join(get_args(Images))}.")


def check_free(paths: Mapping[Path, Callable[[Path], bool]], *, overwrite: bool) -> None:
    """Raise ValueError where a file among others is there already, with `overwrite` one that is not as is asked."""
    for path, is_ours in paths.items():
        if not os.path.lexists(path):
            continue
        if not overwrite:
            raise ValueError(f"{path} is there already: choose another name, or overwrite=True.")
        if not is_ours(path):
            raise ValueError(f"{path} is not known to be of an earlier run: move or remove it, or choose another name.")


def check_apart(out: str | os.PathLike[str], place: str | os.PathLike[str]) -> None:
    """Raise ValueError where what is written would lie in the dataset that is read, or around it."""
    target, source = (os.path.normcase(os.path.realpath(path)) for path in (out, place))
    if target == source:
        raise ValueError(f"out is {os.fspath(out)!r}, which is what is read: choose another folder.")
    if Path(source) in Path(target).parents:
        raise ValueError(
            f"out is {os.fspath(out)!r}, which lies in the dataset {os.fspath(place)!r} and would be read as a part of "
            "it: choose a folder beside it."
        )
    if Path(target) in Path(source).parents:
        raise ValueError(
            f"out is {os.fspath(out)!r}, in which the dataset {os.fspath(place)!r} lies: choose a folder beside it."
        )


def _lock_name(among_others: str | None) -> str:
    return hashlib.sha256(name_key(among_others).encode()).hexdigest()[:16] if among_others else "folder"


def _read(file: IO[bytes], path: str) -> bytes:
    try:
        return file.read(_PIECE)
    except OSError as error:
        raise unreadable(error, path) from error


def _parts(name: str) -> Parts:
    parts = name.split("/")
    if not all(map(is_safe, parts)):
        raise ValueError(f"{name!r} is no name for a file in a folder that is written.")
    return tuple(map(SafeName, parts))


def _holds_files(path: Path) -> bool:
    try:
        return any(entry.name != OWN_FOLDER for entry in path.iterdir())
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError as error:
        raise unreadable(error, str(path)) from error
