"""Options of the commands that verify deliveries."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from ..options import with_all

if TYPE_CHECKING:
    from ...webhooks import Verifier

F = TypeVar("F", bound=Callable[..., Any])


def signing_keys(command: F) -> F:
    """Add the options that say whose signatures count."""
    url = click.option(
        "--jwks-url",
        metavar="URL",
        help="Where the signing keys are. Default: at CF_PLATFORM_BASE_URL, else production.",
    )
    keys = click.option(
        "--keys",
        "keys_file",
        type=click.Path(dir_okay=False, exists=True, path_type=Path),
        metavar="FILE",
        help="Take the keys from a JWKS file and fetch none.",
    )
    return with_all([url, keys], command)


def tolerance_option(default: str | None, help_text: str) -> Callable[[F], F]:
    """Add `--tolerance`, in seconds, or off."""
    return click.option(
        "--tolerance",
        default=default,
        show_default=default is not None,
        metavar="SECONDS",
        callback=_seconds,
        help=help_text,
    )


def make_verifier(jwks_url: str | None, keys_file: Path | None, tolerance: float | None) -> Verifier:
    """Make the verifier that the options ask for. Raises click.UsageError, and ValueError."""
    try:
        from ...webhooks import Verifier

        keys = keys_file.read_bytes() if keys_file is not None else None
        if jwks_url is None and keys is None:
            return Verifier.from_env(tolerance=tolerance)
        return Verifier(jwks_url, keys=keys, tolerance=tolerance)
    except ImportError as error:
        raise click.UsageError(f"{error}.") from None


def _seconds(_ctx: click.Context, _param: click.Parameter, value: str | None) -> float | None:
    if value is None or value == "off":
        return None
    try:
        return float(value)
    except ValueError:
        raise click.BadParameter(f"{value!r} is not a number of seconds, nor off.") from None
