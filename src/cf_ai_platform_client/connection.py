"""Who calls the platform, where, and over which connections: what every method of the client stands on."""

from __future__ import annotations

import asyncio
import warnings
from collections.abc import Iterable
from contextlib import AsyncExitStack
from pathlib import Path
from types import TracebackType
from typing import ClassVar
from weakref import WeakKeyDictionary

from typing_extensions import Self

from .adapters.http import Http
from .adapters.runtime import Runtime
from .core.addresses import AddressRules
from .core.retry import RetryPolicy
from .events import Event, EventHandler
from .settings import PRODUCTION, Limits, make_settings, settings_from_env
from .transfer.calls import Calls
from .transfer.created import CreatedExports


class Connection:
    """A client without methods of the platform: its key and address, and its connections in each event loop."""

    BASE_URL: ClassVar[str] = PRODUCTION

    def __init__(
        self,
        api_key: str,
        base_url: str | None = None,
        *,
        retry: RetryPolicy | None = None,
        limits: Limits | None = None,
        allowed_hosts: Iterable[str] = (),
        runtime: Runtime | None = None,
    ) -> None:
        settings = make_settings(api_key, base_url or self.BASE_URL)
        self._key = settings.api_key
        self.base_url = settings.base_url
        self._retry = retry or RetryPolicy()
        self._runtime = runtime or Runtime()
        rules = AddressRules.for_base_url(self.base_url, allowed_hosts)
        self._http = Http(self._key, self.base_url, rules, limits or Limits(), self._runtime)
        self._created = CreatedExports()
        self._entered: WeakKeyDictionary[asyncio.AbstractEventLoop, AsyncExitStack] = WeakKeyDictionary()
        if self.base_url.startswith("http:") and not rules.is_loopback(self.base_url):
            warnings.warn(f"{self.base_url} is not https: the API key travels unencrypted.", stacklevel=2)

    @classmethod
    def create_with_api_key(cls, api_key: str, base_url: str | None = None) -> Self:
        """Make a client from an API key. Raises ValueError for an empty or malformed one.

        >>> from cf_ai_platform_client import CFUserClient
        >>> CFUserClient.create_with_api_key("your-api-key").base_url
        'https://api.ai.cloudfactory.app/api/v1'
        """
        return cls(api_key, base_url)

    @classmethod
    def from_env(cls, profile: str | None = None, *, config_file: Path | None = None) -> Self:
        """Make a client from `CF_API_KEY` and `CF_PLATFORM_BASE_URL`, else from a profile.

        Profiles are tables of a TOML file, each with `api_key` and perhaps `base_url`. The profile is `profile`, else
        `CF_PROFILE`, else `default`; the file is `cf-ai/config.toml` in your configuration folder, or `config_file`.
        Raises ValueError where there is no key or the file cannot be read.
        """
        settings = settings_from_env(profile, config_file=config_file)
        return cls(settings.api_key.reveal(), settings.base_url)

    @property
    def api_key(self) -> str:
        """The API key, without the space around it."""
        return self._key.reveal()

    def __repr__(self) -> str:
        return f"{type(self).__name__}(base_url={self.base_url!r})"

    async def __aenter__(self) -> Self:
        stack = AsyncExitStack()
        await stack.enter_async_context(self._http.connected())
        await self.close()
        self._entered[asyncio.get_running_loop()] = stack
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Close the connections of this event loop; the client stays usable."""
        stack = self._entered.pop(asyncio.get_running_loop(), None)
        if stack is not None:
            await stack.aclose()

    def _calls(self, *handlers: EventHandler | None) -> Calls:
        present = [handler for handler in handlers if handler is not None]

        def emit(event: Event) -> None:
            for handler in present:
                handler(event)

        return Calls(self._http, self._retry, self._runtime, self.base_url, emit)
