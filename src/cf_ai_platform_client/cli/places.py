"""Where a download comes from and goes to: arguments, else the environment."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import click
from click.shell_completion import CompletionItem

_VARIABLES = {"PROJECT": "CF_PROJECT_ID", "SPACE": "CF_SPACE_ID", "DEST": "CF_DESTINATION"}
_COUNTED = {1: "One argument is", 2: "Two arguments are", 3: "Three arguments are"}


class Places(NamedTuple):
    """Project, space and destination."""

    project: str
    space: str
    destination: str


def find_places(given: Sequence[str], environ: Mapping[str, str] | None = None) -> Places:
    """Fill what was left out from the environment; a single argument is DEST where both ids are there.

    >>> find_places(["./out"], {"CF_PROJECT_ID": "p", "CF_SPACE_ID": "s"})
    Places(project='p', space='s', destination='./out')
    """
    environ = os.environ if environ is None else environ
    found = {place: environ.get(variable, "").strip() for place, variable in _VARIABLES.items()}
    if len(given) > len(found):
        raise click.UsageError(f"Three arguments are taken, PROJECT SPACE DEST, not {len(given)}.")
    single = len(given) == 1 and found["PROJECT"] and found["SPACE"]
    found |= {"DEST": given[0]} if single else dict(zip(found, given, strict=False))
    for place, value in found.items():
        if not value and len(given) < len(found):
            raise click.UsageError(f"{place} is missing: give it as an argument, or set {_VARIABLES[place]}.")
    return Places(*found.values())


def fill_places(names: Sequence[str], given: Sequence[str], environ: Mapping[str, str] | None = None) -> list[str]:
    """Fill what was left out from the environment, beginning with the first that is there.

    >>> fill_places(["SPACE", "EXPORT", "DEST"], ["id", "./out"], {"CF_SPACE_ID": "s"})
    ['s', 'id', './out']
    """
    environ = os.environ if environ is None else environ
    if len(given) > len(names):
        raise click.UsageError(f"{_COUNTED[len(names)]} taken, {' '.join(names)}, not {len(given)}.")
    known = {name: environ.get(_VARIABLES.get(name, ""), "").strip() for name in names}
    left_out = [name for name in names if known[name]][: len(names) - len(given)]
    taken = [name for name in names if name not in left_out]
    for name in taken[len(given) :]:
        where = f", or set {_VARIABLES[name]}" if name in _VARIABLES else ""
        raise click.UsageError(f"{name} is missing: give it as an argument{where}.")
    found = known | dict(zip(taken, given, strict=True))
    return [found[name] for name in names]


def complete_folder(_ctx: click.Context, _param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Let the shell complete folders."""
    return [CompletionItem(incomplete, type="dir")]
