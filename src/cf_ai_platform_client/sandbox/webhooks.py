"""Deliveries of webhooks: a work item's state, signed once, sent until the receiver takes it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from urllib.parse import urlsplit

import aiohttp

from .moments import moment_text
from .project import JSONObject
from .webhook_keys import SigningKeys

WAITS = (1.0, 2.0, 4.0)
"""Seconds between the attempts of one delivery."""

_TIMEOUT = aiohttp.ClientTimeout(total=10)


@dataclass(frozen=True)
class Delivery:
    """What became of one webhook.

    `status` is the last answer's, 0 where none came, and `error` then says why; `body` and `headers` are what was
    sent, the same in every one of the `attempts`.
    """

    item_id: str
    url: str
    status: int
    attempts: int
    body: bytes = field(repr=False)
    headers: dict[str, str] = field(repr=False)
    error: str | None = None

    @property
    def delivered(self) -> bool:
        """Whether the receiver took it, with a 2xx."""
        return 200 <= self.status <= 299


class Webhooks:
    """Sends webhooks and remembers how that went; `url` is where to, None for nowhere."""

    def __init__(
        self,
        keys: SigningKeys,
        clock: Callable[[], float],
        waits: Sequence[float] = WAITS,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self.keys = keys
        self.url: str | None = None
        self.deliveries: list[Delivery] = []
        self._clock = clock
        self._waits = tuple(waits)
        self._sleep = sleep

    async def deliver(self, item: JSONObject, url: str) -> Delivery:
        """Tell a URL of a work item: once, and again after each of the waits until there is a 2xx."""
        body = self._body(item)
        headers = {"Content-Type": "application/json", **self.keys.sign(body)}
        attempts, status, error = 1, *await _post(url, body, headers)
        for wait in self._waits:
            if 200 <= status <= 299:
                break
            await self._sleep(wait)
            attempts, status, error = attempts + 1, *await _post(url, body, headers)
        delivery = Delivery(str(item.get("id")), url, status, attempts, body, headers, error)
        self.deliveries.append(delivery)
        return delivery

    def _body(self, item: JSONObject) -> bytes:
        names = ("assetType", "assetUrl", "createdAt", "status", "updatedAt")
        values = {name: item.get(name) for name in names}
        return json.dumps({"workItemID": item.get("id"), **values, "deliveredAt": moment_text(self._clock())}).encode()


def check_url(url: str) -> str:
    """Return a URL that webhooks can be sent to. Raises ValueError."""
    try:
        parts = urlsplit(url)
        right = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:
        right = False
    if not right:
        raise ValueError(
            f"The webhook URL is {url!r}: it must be an http or https URL, such as http://127.0.0.1:9000/."
        )
    return url


async def _post(url: str, body: bytes, headers: dict[str, str]) -> tuple[int, str | None]:
    """Return the answer's status, or 0 and why there is none."""
    try:
        async with (
            aiohttp.ClientSession(timeout=_TIMEOUT) as session,
            session.post(url, data=body, headers=headers, allow_redirects=False) as answer,
        ):
            return answer.status, None
    except asyncio.TimeoutError:
        return 0, f"no answer in {_TIMEOUT.total:.0f} s"
    except aiohttp.ClientConnectorError as error:
        return 0, f"no connection to {error.host} on port {error.port}"
    except (aiohttp.ClientError, OSError, ValueError) as error:
        return 0, str(error) or type(error).__name__
