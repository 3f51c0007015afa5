from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from cf_ai_platform_client.sandbox import Sandbox
from cf_ai_platform_client.settings import config_path

from .conftest import Command

KEY = "canary-key-4711"


@pytest.fixture
def own() -> Sandbox:
    return Sandbox(api_key=KEY)


def test_a_key_on_the_command_line_works_and_warns(own: Sandbox, cf_ai: Command) -> None:
    with own:
        run = cf_ai("batches", own.project_id, "--api-key", KEY, "--base-url", own.base_url)
    assert run.code == 0
    assert run.err == (
        "Warning: other users of this machine can see a key on the command line; set CF_API_KEY instead.\n"
    )


@pytest.mark.parametrize("ending", ["", "\n", "\r\n"])
def test_a_key_from_a_file(ending: str, own: Sandbox, tmp_path: Path, cf_ai: Command) -> None:
    (tmp_path / "key").write_bytes(f"{KEY}{ending}".encode())
    with own:
        run = cf_ai("batches", own.project_id, "--api-key-file", tmp_path / "key", "--base-url", own.base_url)
    assert (run.code, run.err) == (0, "")


def test_a_key_from_standard_input(own: Sandbox, start: Callable[..., subprocess.Popen[str]]) -> None:
    with own:
        line = ("batches", own.project_id, "--api-key-file", "-", "--base-url", own.base_url)
        process = start(*line, stdin=subprocess.PIPE)
        out, err = process.communicate(f"{KEY}\n")
    assert (process.returncode, err) == (0, "")
    assert "Cell nuclei" in out


def test_a_key_from_a_profile(own: Sandbox, cf_ai: Command) -> None:
    with own:
        path = config_path()
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f'[work]\napi_key = "{KEY}"\nbase_url = "{own.base_url}"\n', encoding="utf-8")
        run = cf_ai("batches", own.project_id, "--profile", "work")
        other = cf_ai("batches", own.project_id, "--profile", "home")
    assert run.code == 0
    assert other.code == 2
    assert "There is no profile [home]" in other.err


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ([], "No API key: set CF_API_KEY, or write api_key under [default] in "),
        (["--api-key-file", "missing"], "The key cannot be read from missing: No such file or directory."),
        (["--base-url", "nonsense", "--api-key-file", "key"], "base_url"),
    ],
)
def test_without_a_usable_key_or_address(
    options: list[str], sentence: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cf_ai: Command
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("key").write_text(KEY, encoding="utf-8")
    run = cf_ai("batches", "p", *options)
    assert (run.code, run.out) == (2, "")
    assert sentence in run.err
    assert run.err.count("\n") == 1
    assert KEY not in run.err


@pytest.mark.parametrize("content", [b"", b" \n", b"\xff\xfe\xff", f"{KEY} {KEY}".encode(), f"{KEY}\x1b[".encode()])
def test_a_file_that_holds_no_key(content: bytes, tmp_path: Path, cf_ai: Command) -> None:
    (tmp_path / "key").write_bytes(content)
    run = cf_ai("batches", "p", "--api-key-file", tmp_path / "key")
    assert run.code == 2
    assert KEY not in run.err


def test_a_key_from_no_input_at_all_is_one_sentence(cf_ai: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", None)
    run = cf_ai("batches", "p", "--api-key-file", "-")
    assert run.code == 2
    assert run.err == "There is no key in standard input: it must hold the API key and nothing else.\n"


def test_two_keys_are_one_too_many(tmp_path: Path, cf_ai: Command) -> None:
    run = cf_ai("batches", "p", "--api-key", KEY, "--api-key-file", tmp_path / "key")
    assert run.code == 2
    assert "exclude each other" in run.err
    assert cf_ai("batches", "p", "--api-key", "").code == 2


def test_the_key_is_never_shown(own: Sandbox, tmp_path: Path, cf_ai: Command) -> None:
    with own:
        line = ("download", own.project_id, own.space_id, tmp_path, "--base-url", own.base_url, "-vv", "--progress")
        good = cf_ai(*line, CF_API_KEY=KEY)
        bad = cf_ai(*line, CF_API_KEY=f"{KEY}-wrong")
    assert (good.code, bad.code) == (0, 3)
    shown = good.out + good.err + bad.out + bad.err
    assert KEY not in shown
    assert "signature=" not in shown.lower()
    assert "Traceback" in bad.err


def test_an_address_that_nobody_answers_is_exit_code_5(cf_ai: Command) -> None:
    with Sandbox() as gone:
        url = gone.base_url
    run = cf_ai("batches", "p", "--base-url", url, CF_API_KEY=KEY)
    assert run.code == 5
    assert "Check the base URL" in run.err


def test_an_address_without_encryption_warns_in_one_sentence(cf_ai: Command) -> None:
    run = cf_ai("items", " ", "--base-url", "http://platform.example/api/v1", CF_API_KEY=KEY)
    assert run.code == 2
    assert run.err.splitlines()[0] == (
        "Warning: http://platform.example/api/v1 is not https: the API key travels unencrypted."
    )
