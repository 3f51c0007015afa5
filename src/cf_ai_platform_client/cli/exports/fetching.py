"""What the commands that download an export share: they run, extract where that is asked for, and tell."""

from __future__ import annotations

import json
from collections.abc import Callable, Coroutine, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ..exits import Ended, complain, exit_code_of, is_usage, say
from ..places import fill_places
from ..summary import error_object
from ..tables import files_text, size_text
from .watching import Stopped, Watch

if TYPE_CHECKING:
    from ...archives import ExtractedFiles
    from .advice import Advisor


def find_places(names: Sequence[str], given: Sequence[str], extract: str | None) -> list[str]:
    """Fill what was left out from the environment; say so where `--extract` took what was missing."""
    try:
        return fill_places(names, given)
    except click.UsageError as error:
        if not extract:
            raise
        why = f"{error.message} --extract took {extract!r} for its folder: put --extract at the end."
        raise click.UsageError(why) from None


def fetch(
    download: Callable[..., Coroutine[Any, Any, str]],
    advisor: Advisor,
    *,
    progress: bool | None,
    extract: str | None,
    overwrite: bool,
    as_json: bool,
) -> None:
    """Run a download; say where the zip is on standard output, and how large on standard error.

    `extract` is the folder to extract to, an empty one for that of the export; None extracts nothing.
    """
    watch = Watch(advisor)
    try:
        path = watch.run(download, progress)
        if not as_json:
            _tell(watch, path)
        extracted = None if extract is None else _extract(path, extract, overwrite=overwrite)
    except Stopped as stop:
        if as_json:
            say(_failure_json(watch, stop.error, stop.code))
        complain(str(stop.error))
        raise Ended(stop.code) from None
    except Exception as error:
        if as_json and not is_usage(error):
            say(_failure_json(watch, error, exit_code_of(error) or 1))
        raise
    if as_json:
        say(_success_json(watch, path, extracted))
    elif extracted is not None:
        complain(f"{extracted_text(extracted)}:")
        say(extracted.destination)


def _extract(path: str, folder: str, *, overwrite: bool) -> ExtractedFiles:
    from ...archives import extract_export
    from .advice import hints_as_typed

    with hints_as_typed():
        return extract_export(path, folder or str(Path(path).with_suffix("")), overwrite=overwrite)


def _tell(watch: Watch, path: str) -> None:
    if watch.stored is not None:
        how = "downloaded" if watch.stored.fetched else "here already, whole"
        complain(f"{size_text(watch.stored.size)}, {how}:")
    say(path)


def extracted_text(extracted: ExtractedFiles) -> str:
    """Say how much was extracted."""
    if not extracted.written:
        return f"{files_text(len(extracted.paths))}, there already"
    return f"{files_text(len(extracted.paths))}, {size_text(extracted.bytes)}, extracted"


def extracted_object(extracted: ExtractedFiles) -> dict[str, Any]:
    """Write what was extracted as it stands in an object of `--json`."""
    return {
        "destination": extracted.destination,
        "files": len(extracted.paths),
        "bytes": extracted.bytes,
        "written": extracted.written,
    }


def _success_json(watch: Watch, path: str, extracted: ExtractedFiles | None) -> str:
    body: dict[str, Any] = {"exportId": watch.export_id or Path(path).stem, "path": path}
    if watch.stored is not None:
        body |= {"bytes": watch.stored.size, "fetched": watch.stored.fetched}
    if extracted is not None:
        body["extracted"] = extracted_object(extracted)
    return json.dumps(body | {"exit_code": 0})


def _failure_json(watch: Watch, error: Exception, code: int) -> str:
    body: dict[str, Any] = {"exportId": watch.export_id, "status": watch.status}
    if watch.stored is not None:
        body["path"] = watch.stored.path
    return json.dumps(body | {"exit_code": code, "error": error_object(error)})
