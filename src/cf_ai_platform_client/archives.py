"""Extract the zip file of an export, once every member of it was checked."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass

from .adapters.file_tree import FileTree
from .adapters.uninterrupted import uninterrupted
from .adapters.zip_files import ZipArchive, changed, named
from .core.arguments import StrPath, check_archive_path, check_destination
from .core.zip_members import ExtractLimits, Member, iter_members
from .errors import ArchiveError


@dataclass(frozen=True, slots=True)
class ExtractedFiles:
    """What was extracted: the paths begin with the destination as it was given, `bytes` counts what was written.

    `written` is False where all of it was there already.
    """

    destination: str
    paths: tuple[str, ...]
    bytes: int
    written: bool = True


def extract_export(
    path: StrPath, destination: StrPath, *, limits: ExtractLimits | None = None, overwrite: bool = False
) -> ExtractedFiles:
    """Extract the zip file of an export below a folder: all of it, or nothing.

    Every member is read and checked before the first is written, so the file is read twice. Links, special files,
    names that leave the folder, twins, encrypted and altered members and bombs are refused: nothing is written then.
    Names keep their folders; what Windows cannot name (`a:b`, `CON`) is renamed as `download_project` does. Modes,
    times and empty folders are not kept. Where every file is there already, of equal size and CRC, nothing is done;
    where only some are, or others, nothing is written unless `overwrite`; what was replaced before a failure is given
    back. `limits` are those of `ExtractLimits`.

    Raises ArchiveError (a ValueError too) for the zip file, DiskError (an OSError too) for the disk, ValueError for
    an argument.

    >>> import tempfile, zipfile
    >>> from pathlib import Path
    >>> folder = Path(tempfile.mkdtemp())
    >>> with zipfile.ZipFile(folder / "export.zip", "w") as made:
    ...     made.writestr("plots/0520a8e8.json", '{"images": []}')
    >>> extract_export(folder / "export.zip", folder / "out").bytes
    14
    >>> (folder / "out/plots/0520a8e8.json").read_text()
    '{"images": []}'
    """
    source, target = check_archive_path(path), check_destination(destination)
    bounds = limits or ExtractLimits()
    return uninterrupted(lambda check: _extract(source, target, bounds, check, overwrite=overwrite))


def _extract(
    source: str, target: str, limits: ExtractLimits, check: Callable[[], None], *, overwrite: bool
) -> ExtractedFiles:
    archive = ZipArchive.open(source, limits)
    tree = FileTree(target)
    with closing(archive), closing(tree), named(archive.path):
        try:
            members = list(iter_members(archive.members))
            if not overwrite and _is_there(members, tree, check):
                return ExtractedFiles(target, _paths(tree, members), 0, written=False)
            tree.check_room((member.path for member in members), overwrite=overwrite)
            _check_whole(archive, members, check)
            return _write(archive, members, tree, check, overwrite=overwrite)
        except BaseException:
            tree.undo()
            raise


def _is_there(members: list[Member], tree: FileTree, check: Callable[[], None]) -> bool:
    for member in members:
        check()
        if not tree.holds(member.path, member.entry.size, member.entry.crc):
            return False
    return bool(members)


def _check_whole(archive: ZipArchive, members: list[Member], check: Callable[[], None]) -> None:
    for member in members:
        check()
        for _ in archive.read(member):
            check()
    archive.check_unchanged()


def _write(
    archive: ZipArchive, members: list[Member], tree: FileTree, check: Callable[[], None], *, overwrite: bool
) -> ExtractedFiles:
    tree.make()
    size = sum(tree.write(member.path, _again(archive, member, check)) for member in members)
    archive.check_unchanged()
    tree.publish(overwrite=overwrite, check=check)
    return ExtractedFiles(tree.destination, _paths(tree, members), size)


def _paths(tree: FileTree, members: list[Member]) -> tuple[str, ...]:
    return tuple(tree.full_path(member.path) for member in members)


def _again(archive: ZipArchive, member: Member, check: Callable[[], None]) -> Iterator[bytes]:
    """Yield a member that was whole a moment ago."""
    try:
        check()
        for piece in archive.read(member):
            yield piece
            check()
    except ArchiveError:
        raise changed() from None
