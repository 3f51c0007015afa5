"""Extract the zip file of an export, once every member of it was checked."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass

from .adapters.file_tree import FileTree
from .adapters.zip_files import ZipArchive, changed, named
from .core.arguments import StrPath, check_archive_path, check_destination
from .core.zip_members import ExtractLimits, Member, iter_members
from .errors import ArchiveError


@dataclass(frozen=True, slots=True)
class ExtractedFiles:
    """What was extracted: the paths begin with the destination as it was given, `bytes` counts what was written."""

    destination: str
    paths: tuple[str, ...]
    bytes: int


def extract_export(
    path: StrPath, destination: StrPath, *, limits: ExtractLimits | None = None, overwrite: bool = False
) -> ExtractedFiles:
    """Extract the zip file of an export below a folder: all of it, or nothing.

    Every member is read and checked before the first is written, so the file is read twice. Links, special files,
    names that leave the folder, twins, encrypted and altered members and bombs are refused: nothing is written then.
    Names keep their folders; what Windows cannot name (`a:b`, `CON`) is renamed as `download_project` does. Modes,
    times and empty folders are not kept. Where a file is there already nothing is written, unless `overwrite`; one
    that was replaced before a failure stays so. `limits` are those of `ExtractLimits`.

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
    target = check_destination(destination)
    archive = ZipArchive.open(check_archive_path(path), limits or ExtractLimits())
    tree = FileTree(target)
    with closing(archive), closing(tree), named(archive.path):
        try:
            members = list(iter_members(archive.members))
            tree.check_room((member.path for member in members), overwrite=overwrite)
            _check_whole(archive, members)
            return _write(archive, members, tree, target, overwrite=overwrite)
        except BaseException:
            tree.undo()
            raise


def _check_whole(archive: ZipArchive, members: list[Member]) -> None:
    for member in members:
        for _ in archive.read(member):
            pass
    archive.check_unchanged()


def _write(
    archive: ZipArchive, members: list[Member], tree: FileTree, target: str, *, overwrite: bool
) -> ExtractedFiles:
    tree.make()
    size = sum(tree.write(member.path, _again(archive, member)) for member in members)
    archive.check_unchanged()
    tree.publish(overwrite=overwrite)
    return ExtractedFiles(target, tuple(tree.full_path(member.path) for member in members), size)


def _again(archive: ZipArchive, member: Member) -> Iterator[bytes]:
    """Yield a member that was whole a moment ago."""
    try:
        yield from archive.read(member)
    except ArchiveError:
        raise changed() from None
