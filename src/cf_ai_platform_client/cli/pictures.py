"""What was downloaded, drawn in plain text: the tree of files, and bars of counts."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from itertools import groupby
from pathlib import Path
from typing import Any

from ..core.redaction import printable
from .exits import say
from .tables import aligned, clip, columns_of, fitting, size_text, terminal_width

_SHOWN_FILES = 3
_LONGEST_BAR = 30
_LONGEST_NAME = 40


def show_tree(destination: str, paths: Sequence[Path]) -> None:
    """Show the folders of a download with their number of files, and the first files of each."""
    _line(f"{printable(destination.rstrip('/'), 1000)}/")
    folders = [(folder, list(files)) for folder, files in groupby(sorted(paths), key=lambda path: path.parent)]
    for number, (folder, files) in enumerate(folders, 1):
        last = number == len(folders)
        size = size_text(sum(path.stat().st_size for path in files))
        _line(f"{_branch(last)}{printable(folder.name)}/  {len(files):,} files, {size}")
        more = len(files) - _SHOWN_FILES
        names = [f"{path.name}  {size_text(path.stat().st_size)}" for path in files[:_SHOWN_FILES]]
        names += [f"and {more:,} more"] if more > 0 else []
        trunk = "    " if last else fitting("│   ", "|   ")
        for place, name in enumerate(names, 1):
            _line(f"{trunk}{_branch(place == len(names))}{name}")
    say()


def show_counts(title: str, counts: Counter[str]) -> None:
    """Show counts with bars, the largest first."""
    say(f"{title}, {counts.total():,} in all")
    names = {name: clip(printable(name), _LONGEST_NAME) for name in counts}
    widest = max(map(columns_of, names.values()), default=0)
    room = min(_LONGEST_BAR, max(1, (terminal_width() or 80) - widest - 12))
    for name, count in counts.most_common():
        bar = fitting("█", "#") * max(1, round(room * count / max(counts.values())))
        say(f"  {aligned(names[name], widest)}  {count:>6,}  {bar}")
    say()


def count_annotations(paths: Sequence[Path]) -> tuple[Counter[str], Counter[str]]:
    """Count the annotations of COCO documents by folder and by category."""
    by_folder: Counter[str] = Counter()
    by_category: Counter[str] = Counter()
    for path in paths:
        document: dict[str, Any] = json.loads(path.read_bytes())
        names = {category["id"]: category["name"] for category in document["categories"]}
        by_folder[path.parent.name] += len(document["annotations"])
        by_category.update(names[annotation["category_id"]] for annotation in document["annotations"])
    return by_folder, by_category


def _branch(last: bool) -> str:
    return fitting("└── ", "`-- ") if last else fitting("├── ", "|-- ")


def _line(text: str) -> None:
    say(clip(text, terminal_width()))
