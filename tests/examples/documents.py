"""The blocks of a document, and how they run as a reader would run them."""

from __future__ import annotations

import doctest
import re
import subprocess
import sys
from pathlib import Path
from typing import Any, NamedTuple

ROOT = Path(__file__).parents[2]
BIN = Path(sys.executable).parent

_FENCED = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


class Block(NamedTuple):
    """A block, where it begins, and the text block right below it: what it prints, `...` standing for anything."""

    language: str
    code: str
    line: int
    output: str | None


def blocks(document: Path) -> list[Block]:
    """Return the blocks of a document that run."""
    text = document.read_text(encoding="utf-8")
    found: list[Block] = []
    end = 0
    for match in _FENCED.finditer(text):
        language, code = match.groups()
        if language != "text":
            found.append(Block(language, code, text.count("\n", 0, match.start()) + 1, None))
        else:
            assert not text[end : match.start()].strip(), f"a text block without a block above it: {code}"
            found[-1] = found[-1]._replace(output=code)
        end = match.end()
    return found


def prints(expected: str, got: str) -> bool:
    """Tell whether a block printed what the document says."""
    return doctest.OutputChecker().check_output(expected, got, doctest.ELLIPSIS)


def run_python(block: Block, document: Path) -> dict[str, Any]:
    """Run a block as a script, and return what it defined."""
    names: dict[str, Any] = {"__name__": "__main__"}
    exec(compile(block.code, f"{document.name}, line {block.line}", "exec"), names)
    return names


def commands(block: Block) -> list[str]:
    """Return the commands of a console block."""
    lines = block.code.splitlines()
    assert all(line.startswith("$ ") for line in lines)
    return [line.removeprefix("$ ") for line in lines]


def run_console(block: Block) -> subprocess.CompletedProcess[str]:
    """Run the commands of a block in one shell, up to the first that fails."""
    script = "\n".join(["set -e", *commands(block)])
    return subprocess.run(["bash", "-c", script], capture_output=True, text=True, check=False, encoding="utf-8")


def check_all_known(document: Path, *languages: str) -> None:
    """Assert that each fenced block of a document is one of these, or what one of them prints."""
    found = blocks(document)
    assert {block.language for block in found} == {*languages}
    outputs = sum(block.output is not None for block in found)
    assert document.read_text(encoding="utf-8").count("\n```") == 2 * (len(found) + outputs)
