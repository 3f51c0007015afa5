"""`cf-ai dataset validate`."""

from __future__ import annotations

import json
from collections import Counter
from typing import TYPE_CHECKING, Any

import click

from ..exits import OK, SOME_FAILED, Ended, complain, say
from ..options import JSONOutput, progress_option
from ..places import complete_folder
from . import EXIT_CODES_HELP

if TYPE_CHECKING:
    from ...datasets.dataset import Dataset
    from ...datasets.fixing import FixReport
    from ...datasets.validation import Validation

_SEVERITIES = ("error", "warning", "info")


@click.command(epilog=EXIT_CODES_HELP)
@click.argument("path", shell_complete=complete_folder)
@click.option("--fix", "out", metavar="OUT", help="Write all to the folder OUT, repaired where that needs no guessing.")
@click.option(
    "--severity", type=click.Choice(_SEVERITIES), default="info", help="Show these and worse. Default: info, so all."
)
@click.option("--limit", type=click.IntRange(0), metavar="N", help="Examples of each code (default 3; --json: all).")
@click.option(
    "--check-images/--no-check-images",
    default=None,
    help="Compare sizes with the images themselves. Default: where Pillow is.",
)
@click.option(
    "--images",
    type=click.Choice(["none", "copy", "link"]),
    help="With --fix: copy the images to the same places below OUT, or link to them. Default: none.",
)
@click.option("--overwrite", is_flag=True, help="With --fix: replace what an earlier one wrote to OUT.")
@progress_option
@JSONOutput
def command(
    path: str,
    out: str | None,
    severity: str,
    limit: int | None,
    check_images: bool | None,
    images: Any,
    overwrite: bool,
    progress: bool | None,
    as_json: bool,
) -> None:
    """Find what breaks tools and training in PATH: each finding has a code, a severity, its file and JSON path.

    With --fix each document is written to the same place below OUT, repaired: gaps are filled, annotations get ids that
    can be told apart, masks and polygons the form that COCO has. What nobody can know is left as it was.
    OUT/changes.jsonl lists each change. The exit code is 1 where errors were found, with --fix where some are left.

    \b
    Examples:
      cf-ai dataset validate ./annotations
      cf-ai dataset validate ./annotations --severity error --limit 10
      cf-ai dataset validate ./annotations --fix ./fixed
      cf-ai dataset validate ./annotations --json | jq -r '.code // empty' | sort | uniq -c
    """
    import msgspec

    from .showing import as_typed, bar, no_document

    shown = _SEVERITIES[: _SEVERITIES.index(severity) + 1]
    examples = 3 if limit is None else limit
    with as_typed():
        from ...datasets.validation import validate
        from .options import open_filtered

        if overwrite and out is None:
            raise ValueError("--overwrite says what becomes of what is in OUT, but nothing is written: add --fix OUT.")
        if images is not None and out is None:
            raise ValueError("--images says what becomes of images, but nothing is written: add --fix OUT.")
        dataset = open_filtered(path, {})
        with bar("Validating", "document", lambda: len(dataset.documents.found), progress) as move:
            validation = validate(dataset, images=check_images, examples=examples, progress=move)
            said = Counter[str]()
            for finding in validation:
                if as_json and finding.severity in shown and (limit is None or said[finding.code] < limit):
                    said[finding.code] += 1
                    say(json.dumps(msgspec.to_builtins(finding)))
        fixed = None if out is None else _fix(dataset, out, images, check_images, overwrite=overwrite)
    errors = validation.severities["error"] if fixed is None else validation.summary.errors_left
    nothing = not validation.report.documents.went_out
    code = SOME_FAILED if errors or nothing else OK
    if as_json:
        say(json.dumps(_summary_object(path, validation, fixed, code)))
    else:
        _show(validation, shown, examples)
        if fixed is not None:
            _show_fixed(fixed, validation)
    if nothing:
        complain(no_document(path))
    if code:
        raise Ended(code)


def _fix(dataset: Dataset, out: str, images: Any, check_images: bool | None, *, overwrite: bool) -> FixReport:
    from ...datasets.fixing import fix

    return fix(dataset, out, images=images or "none", look=check_images, overwrite=overwrite)


def _summary_object(path: str, validation: Validation, fixed: FixReport | None, code: int) -> dict[str, Any]:
    from .showing import report_object

    found: dict[str, Any] = {
        "path": path,
        "counts": dict(validation.counts),
        **{name: validation.severities[name] for name in _SEVERITIES},
        **report_object(validation.report),
    }
    if fixed is not None:
        changes = {"fixed": dict(fixed.fixed), "left": dict(fixed.left), "documents_changed": fixed.documents_changed}
        found["fix"] = {"out": fixed.path, **changes, "warnings": fixed.warnings, "files": fixed.files}
    return {"summary": found, "exit_code": code}


def _show(validation: Validation, shown: tuple[str, ...], limit: int) -> None:
    from ...core.redaction import printable
    from ...datasets.finding_codes import CODES
    from ...datasets.report import counted
    from .showing import show_report

    summary = validation.summary
    for code, severity, count in summary.by_severity():
        if severity not in shown:
            continue
        mended = summary.fixable[code]
        how = "" if not mended else " (--fix mends it)" if mended == count else f" (--fix mends {mended:,})"
        say(f"{severity}: {code}: {count:,}: {CODES[code].meaning}{how}")
        for finding in summary.examples[code][:limit]:
            say(f"  {printable(finding.document, 1000)} {finding.path}: {printable(finding.message, 1000)}")
        if 0 < limit < count:
            say(f"  … and {count - limit:,} more")
    show_report(validation.report)
    counts = ", ".join(counted(validation.severities[name], name) for name in ("error", "warning", "info"))
    if summary.counts or validation.report.documents.went_out:
        say(f"Found: {counts}." if summary.counts else "Nothing is wrong.")


def _show_fixed(fixed: FixReport, validation: Validation) -> None:
    from ...core.redaction import printable
    from ...datasets.report import counted
    from .showing import show_notes

    place = printable(fixed.path, 1000)
    written = counted(fixed.documents.went_out, "document")
    say(f"Written: {written} to {place}, {fixed.documents_changed:,} of them changed.")
    for code, count in fixed.fixed.most_common():
        say(f"Fixed: {count:,} {code}")
    for code, count in fixed.left.most_common():
        say(f"Left as it was: {count:,} {code}")
    show_notes(warning for warning in fixed.warnings if warning not in validation.report.warnings)
    if fixed.fixed:
        say(f"Each change is listed in {place}/changes.jsonl")
