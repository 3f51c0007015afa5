from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import click
import pytest

from cf_ai_platform_client import __version__
from cf_ai_platform_client.cli import exports
from cf_ai_platform_client.cli.main import COMMANDS, cli

from .conftest import MODULE, Command, environment

HEAVY = {"pydantic", "httpx", "aiohttp", "tqdm", "anyio", "msgspec", "asyncio"}
IMPORTED = """
import json, sys
sys.argv[0] = "cf-ai"
try:
    from cf_ai_platform_client.cli.main import main
    main()
finally:
    print(json.dumps(sorted(sys.modules)), file=sys.stderr)
"""


def modules_of(*arguments: str, **more: str) -> set[str]:
    line = [sys.executable, "-c", IMPORTED, *arguments]
    done = subprocess.run(line, capture_output=True, text=True, env=environment(**more), check=True)
    assert done.stdout
    return set(json.loads(done.stderr.splitlines()[-1]))


@pytest.mark.parametrize(
    ("arguments", "more"),
    [
        (["--help"], {}),
        (["-h"], {}),
        (["exports", "--help"], {}),
        (["--version"], {}),
        ([], {"_CF_AI_COMPLETE": "bash_complete", "COMP_WORDS": "cf-ai ", "COMP_CWORD": "1"}),
    ],
)
def test_what_is_asked_often_imports_nothing_heavy(arguments: list[str], more: dict[str, str]) -> None:
    modules = modules_of(*arguments, **more)
    assert not HEAVY & modules
    left = set(COMMANDS) - set(arguments) | {f"exports.{name}" for name in exports.COMMANDS}
    assert not {f"cf_ai_platform_client.cli.{name}" for name in left} & modules


@pytest.mark.parametrize("command", list(COMMANDS))
def test_every_help_teaches(command: str, cf_ai: Command) -> None:
    help_text = cf_ai(command, "-h").out
    assert "Example" in help_text or "eval" in help_text
    assert help_text == cf_ai(command, "--help").out
    assert "--help" in help_text


@pytest.mark.parametrize("arguments", [["--help"], ["download", "--help"]])
def test_exit_codes_are_in_the_help(arguments: list[str], cf_ai: Command) -> None:
    assert "Exit codes: 0 all well, 1 some items or the export failed, 2 usage," in cf_ai(*arguments).out


def test_the_table_of_commands_is_the_commands() -> None:
    for name in COMMANDS:
        assert isinstance(cli.get_command(click.Context(cli), name), click.Command)
    assert cli.get_command(click.Context(cli), "nonsense") is None


def test_version(cf_ai: Command) -> None:
    assert cf_ai("--version").out == f"cf-ai, version {__version__}\n"


@pytest.mark.parametrize(
    "arguments", [[], ["nonsense"], ["download", "--nonsense"], ["items"], ["sandbox", "--port", "x"]]
)
def test_wrong_usage_is_exit_code_2(arguments: list[str], cf_ai: Command) -> None:
    run = cf_ai(*arguments)
    assert (run.code, run.out) == (2, "")
    assert "--help" in run.err
    assert "Traceback" not in run.err


@pytest.mark.parametrize(("shell", "sign"), [("bash", "complete -o"), ("zsh", "#compdef cf-ai"), ("fish", "complete")])
def test_completion_scripts(shell: str, sign: str, cf_ai: Command) -> None:
    run = cf_ai("completion", shell)
    assert run.code == 0
    assert sign in run.out
    assert "_CF_AI_COMPLETE" in run.out


@pytest.mark.parametrize(("words", "found"), [("cf-ai do", "download"), ("cf-ai download --wo", "--work-item-id")])
def test_completion_answers(words: str, found: str, start: Callable[..., subprocess.Popen[str]]) -> None:
    asked = {"_CF_AI_COMPLETE": "bash_complete", "COMP_WORDS": words, "COMP_CWORD": str(len(words.split()) - 1)}
    out, err = start(environ=environment(**asked)).communicate()
    assert found in out
    assert err == ""


def test_the_installed_command_is_this_one() -> None:
    installed = str(Path(sys.executable).parent / "cf-ai")
    done = subprocess.run([installed, "--version"], capture_output=True, text=True, check=True)
    again = subprocess.run([*MODULE, "--version"], capture_output=True, text=True, check=True)
    assert done.stdout == again.stdout
