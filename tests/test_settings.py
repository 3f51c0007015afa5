from __future__ import annotations

import sys
from dataclasses import FrozenInstanceError
from pathlib import Path
from typing import Any

import pytest

from cf_ai_platform_client.settings import (
    PRODUCTION,
    Limits,
    Settings,
    check_api_key,
    config_path,
    make_settings,
    settings_from_env,
)

PROFILES = """
[default]
api_key = "file-key"
base_url = "https://file.example"

[staging]
api_key = "staging-key"
base_url = "https://staging.example"

[keyless]
base_url = "https://keyless.example"

[blank]
api_key = "  "
"""
KEY = {"CF_API_KEY": "env-key"}
URL = {"CF_PLATFORM_BASE_URL": "https://env.example"}


@pytest.fixture
def profiles(tmp_path: Path) -> Path:
    return write(tmp_path, PROFILES)


def write(folder: Path, text: str | bytes) -> Path:
    path = folder / "config.toml"
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return path


def resolve(config_file: Path, environ: dict[str, str], profile: str | None = None, **given: Any) -> tuple[str, str]:
    found = settings_from_env(profile, environ=environ, config_file=config_file, **given)
    return found.api_key.reveal(), found.base_url


@pytest.mark.parametrize(
    ("environ", "given", "found"),
    [
        pytest.param({}, {}, ("file-key", "https://file.example"), id="the default profile"),
        pytest.param(URL, {}, ("file-key", "https://env.example"), id="each setting from the first that has it"),
        pytest.param(KEY, {}, ("env-key", PRODUCTION), id="a key in the environment leaves default alone"),
        pytest.param({**KEY, **URL}, {}, ("env-key", "https://env.example"), id="environment before file"),
        pytest.param({"CF_API_KEY": " ", **URL}, {}, ("file-key", "https://env.example"), id="a blank one is none"),
        pytest.param({"CF_PROFILE": ""}, {}, ("file-key", "https://file.example"), id="a blank name is none"),
        pytest.param(
            {"CF_PROFILE": "staging"}, {}, ("staging-key", "https://staging.example"), id="a profile of the environment"
        ),
        pytest.param(
            {"CF_PROFILE": "staging", **KEY},
            {},
            ("env-key", "https://staging.example"),
            id="which gives what is missing",
        ),
        pytest.param(
            {**KEY, **URL},
            {"profile": "staging"},
            ("staging-key", "https://staging.example"),
            id="a profile that is asked for comes before the environment",
        ),
        pytest.param(
            {"CF_PROFILE": "staging"},
            {"profile": "default"},
            ("file-key", "https://file.example"),
            id="and its name too",
        ),
        pytest.param(
            {**KEY, **URL}, {"profile": "keyless"}, ("env-key", "https://keyless.example"), id="the rest stays"
        ),
        pytest.param(
            {**KEY, **URL, "CF_PROFILE": "staging"},
            {"api_key": "mine", "base_url": "https://mine.example/"},
            ("mine", "https://mine.example"),
            id="arguments before all",
        ),
        pytest.param(
            {**KEY, **URL}, {"profile": "staging", "api_key": "mine"}, ("mine", "https://staging.example"), id="each"
        ),
    ],
)
def test_arguments_come_before_environment_before_file(
    profiles: Path, environ: dict[str, str], given: dict[str, Any], found: tuple[str, str]
) -> None:
    assert resolve(profiles, environ, **given) == found


def test_without_a_file_the_environment_is_enough(tmp_path: Path) -> None:
    assert resolve(tmp_path / "none", KEY) == ("env-key", PRODUCTION)


def test_a_file_that_is_not_needed_is_not_read(tmp_path: Path) -> None:
    assert resolve(write(tmp_path, "broken ["), {**KEY, **URL}) == ("env-key", "https://env.example")


def test_the_environment_of_the_process_is_the_default(profiles: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CF_API_KEY", "process-key")
    assert settings_from_env(config_file=profiles).api_key.reveal() == "process-key"


def test_the_file_is_in_the_users_configuration() -> None:
    assert config_path().parts[-2:] == ("cf-ai", "config.toml")


@pytest.mark.skipif(sys.platform != "linux", reason="only XDG_CONFIG_HOME is replaced for tests")
def test_the_default_file_is_read() -> None:
    config_path().parent.mkdir(parents=True)
    write(config_path().parent, PROFILES)
    assert settings_from_env("staging", environ={}).api_key.reveal() == "staging-key"


@pytest.mark.parametrize(
    ("profile", "environ", "says"),
    [
        (None, {"CF_PROFILE": "keyless"}, r"No API key: set CF_API_KEY, or write api_key under \[keyless\] in .*toml"),
        ("blank", KEY, r"No API key: .* under \[blank\]"),
        ("other", KEY, r"There is no profile \[other\] in .*; it has default, staging, keyless, blank\."),
        (None, {"CF_PROFILE": "other", **KEY}, r"There is no profile \[other\]"),
    ],
)
def test_what_is_missing_is_said(profiles: Path, profile: str | None, environ: dict[str, str], says: str) -> None:
    with pytest.raises(ValueError, match=says):
        resolve(profiles, environ, profile)


def test_nothing_at_all_names_the_file_to_write(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"No API key: .* under \[default\] in .*none\.toml"):
        resolve(tmp_path / "none.toml", {})
    with pytest.raises(ValueError, match=r"no profile \[x\] in .*none\.toml; it has none\."):
        resolve(tmp_path / "none.toml", {}, "x")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ('api_key = "canary', "cannot be read: it must be TOML in UTF-8"),
        ('[default]\napi_key = "canary"\n[default]', "cannot be read"),
        (b'[default]\napi_key = "canary\xff"', "cannot be read"),
        ('default = "canary"', r"default in .* must be a table: write \[default\] on a line of its own"),
        ('[default]\napi_key = ["canary"]', r"\[default\] in .* must hold only the strings api_key and base_url"),
        ('[default]\napi_key = "canary"\ntimeout = "5"', "must hold only the strings"),
        ('[default]\napi_key = "canary canary"', "spaces, line breaks"),
        ('[default]\napi_key = "a"\nbase_url = "canary"', "base_url is not a URL"),
    ],
    ids=range(8),
)
def test_a_bad_file_is_refused_without_a_word_of_its_values(tmp_path: Path, text: str | bytes, says: str) -> None:
    with pytest.raises(ValueError, match=says) as caught:
        resolve(write(tmp_path, text), {})
    assert "canary" not in str(caught.value)
    assert caught.value.__cause__ is None


def test_a_folder_in_the_place_of_the_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="cannot be read"):
        resolve(tmp_path, {})


@pytest.mark.parametrize("key", ["", "  ", "\n", None, 5, b"canary"], ids=ascii)
def test_a_key_that_is_none_is_refused(key: object) -> None:
    with pytest.raises(ValueError, match="^api_key must be a non-empty string$"):
        check_api_key(key)


@pytest.mark.parametrize("key", ["ca nary", "ca\nnary", "ca\tnary", "ca\x00nary", "canaryé", "canary\x7f"], ids=ascii)
def test_a_key_that_no_header_takes_is_refused_without_echo(key: str) -> None:
    with pytest.raises(ValueError, match="^api_key holds spaces, line breaks") as caught:
        make_settings(key)
    assert "nary" not in str(caught.value)


def test_a_key_is_stripped_and_hidden() -> None:
    settings = make_settings(" canary\n", "https://x.example/")
    assert settings.api_key.reveal() == "canary"
    assert settings.base_url == "https://x.example"
    assert "canary" not in repr(settings)


@pytest.mark.parametrize("base_url", [None, ""])
def test_production_is_the_default(base_url: str | None) -> None:
    assert make_settings("k", base_url) == Settings(check_api_key("k"))
    assert make_settings("k", base_url).base_url == "https://api.ai.cloudfactory.app/api/v1"


def test_key_and_url_in_the_wrong_order_are_refused_without_echo() -> None:
    with pytest.raises(ValueError, match="base_url is not a URL") as caught:
        make_settings("https://x.example", "canary-key")
    assert "canary" not in str(caught.value)


@pytest.mark.parametrize("value", [make_settings("k"), Limits()], ids=["settings", "limits"])
def test_settings_do_not_change(value: object) -> None:
    with pytest.raises((FrozenInstanceError, TypeError)):
        value.base_url = "x"  # type: ignore[attr-defined]
