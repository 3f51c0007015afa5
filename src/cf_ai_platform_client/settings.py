"""Key, base URL and limits: arguments before environment before profile file."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import platformdirs

from .core.addresses import check_base_url
from .core.redaction import Secret

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

PRODUCTION = "https://api.ai.cloudfactory.app/api/v1"
DEFAULT_PROFILE = "default"


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds on every answer: times in seconds, sizes in bytes, the rate in bytes a second."""

    connect_timeout: float = 15.0
    read_timeout: float = 60.0
    api_bytes: int = 64 << 20
    document_bytes: int = 4 << 30
    slow_after: float = 60.0
    slow_rate: float = 1024.0
    export_bytes: int = 1 << 40
    asset_bytes: int = 1 << 36


@dataclass(frozen=True, slots=True)
class Settings:
    """Who calls, and where."""

    api_key: Secret
    base_url: str = PRODUCTION


def make_settings(api_key: str, base_url: str | None = None) -> Settings:
    """Check a key and a base URL. Raises ValueError, which never repeats the key."""
    return Settings(check_api_key(api_key), check_base_url(base_url) if base_url else PRODUCTION)


def check_api_key(api_key: object) -> Secret:
    """Check that a key can go into a header, and strip it. Raises ValueError, which never repeats it."""
    text = api_key.strip() if isinstance(api_key, str) else ""
    if not text:
        raise ValueError("api_key must be a non-empty string")
    if not text.isascii() or not text.isprintable() or " " in text:
        raise ValueError("api_key holds spaces, line breaks or other characters that no key has: copy it again.")
    return Secret(text)


def settings_from_env(
    profile: str | None = None,
    *,
    api_key: str | None = None,
    base_url: str | None = None,
    environ: Mapping[str, str] | None = None,
    config_file: Path | None = None,
) -> Settings:
    """Take each setting from the arguments, else from `CF_API_KEY` and `CF_PLATFORM_BASE_URL`, else from a profile.

    The profile is `profile`, else `CF_PROFILE`, else `default`; one that is named as an argument comes before the
    environment, and `default` is not looked at where `CF_API_KEY` is set. Raises ValueError where no key is found or
    the file cannot be read.
    """
    environ = os.environ if environ is None else environ
    path = config_file or config_path()
    named = profile or environ.get("CF_PROFILE") or None
    from_environ = {"api_key": environ.get("CF_API_KEY", ""), "base_url": environ.get("CF_PLATFORM_BASE_URL", "")}
    found = {name: value for name, value in from_environ.items() if value.strip()}
    if named or "api_key" not in found:
        from_file = _read_profile(path, named)
        found = {**found, **from_file} if profile else {**from_file, **found}
    key = api_key or found.get("api_key", "")
    if not key.strip():
        raise ValueError(f"No API key: set CF_API_KEY, or write api_key under [{named or DEFAULT_PROFILE}] in {path}.")
    return make_settings(key, base_url or found.get("base_url"))


def config_path() -> Path:
    """Return where the profile file is on this system."""
    return platformdirs.user_config_path("cf-ai", appauthor=False) / "config.toml"


def _read_profile(path: Path, named: str | None) -> dict[str, str]:
    try:
        profiles: dict[str, Any] = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        profiles = {}
    except (OSError, ValueError):
        raise ValueError(
            f"The profile file {path} cannot be read: it must be TOML in UTF-8, readable by you."
        ) from None
    name = named or DEFAULT_PROFILE
    if name not in profiles:
        if named:
            raise ValueError(f"There is no profile [{named}] in {path}; it has {', '.join(profiles) or 'none'}.")
        return {}
    return _check_profile(profiles[name], name, path)


def _check_profile(values: Any, name: str, path: Path) -> dict[str, str]:
    allowed = {"api_key", "base_url"}
    if not isinstance(values, dict):
        raise ValueError(f"{name} in {path} must be a table: write [{name}] on a line of its own.")
    checked: dict[str, str] = {}
    for key, value in values.items():  # pyright: ignore[reportUnknownVariableType]
        if key not in allowed or not isinstance(value, str):
            raise ValueError(f"[{name}] in {path} must hold only the strings api_key and base_url.")
        checked[key] = value
    return checked
