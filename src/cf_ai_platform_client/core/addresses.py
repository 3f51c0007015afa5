"""Which URLs may be called: https, no user info, no address inside the user's own network."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from urllib.parse import urlsplit

from ..errors import UnsafeURLError
from .redaction import printable, without_query

_PLAIN_ORIGIN = re.compile(r"https?://[A-Za-z0-9.-]+(?::[0-9]{1,5})?/")

_OWN_NAT64 = ipaddress.IPv6Network("64:ff9b:1::/48")  # private, which not every Python knows
_LAST_32_BITS = [ipaddress.IPv6Network("64:ff9b::/96"), ipaddress.IPv6Network("::/96"), _OWN_NAT64]

IPAddress = ipaddress.IPv4Address | ipaddress.IPv6Address


@dataclass(frozen=True, slots=True)
class AddressRules:
    """What signed URLs may lead to.

    `trusting` is set where the base URL is itself loopback, private or http: then the user works inside.
    """

    trusting: bool = False
    allowed_hosts: frozenset[str] = frozenset()

    @classmethod
    def for_base_url(cls, base_url: str, allowed_hosts: Iterable[str] = ()) -> AddressRules:
        """Make the rules that go with a base URL."""
        parts = urlsplit(base_url)
        inside = _is_inside((parts.hostname or "").lower())
        return cls(parts.scheme == "http" or inside, frozenset(name.lower() for name in allowed_hosts))

    @staticmethod
    def is_loopback(url: str) -> bool:
        """Tell whether a URL leads to this machine."""
        host = (urlsplit(url).hostname or "").lower()
        address = _literal(host)
        return _is_localhost(host) or (address is not None and _plain(address).is_loopback)

    def check_url(self, url: str) -> None:
        """Raise UnsafeURLError unless the URL, as it is written, may be called."""
        origin = _PLAIN_ORIGIN.match(url)
        if not (origin and url.isprintable() and " " not in url and _may_be_called(self, origin.group())):
            self.check_wholly(url)

    def check_wholly(self, url: str) -> None:
        """Do what `check_url` does, without remembering the origins that passed."""
        try:
            parts = urlsplit(url)
            host, _ = (parts.hostname or "").lower(), parts.port
        except ValueError as error:
            raise _unsafe(url, "it cannot be read") from error
        if parts.scheme not in {"https", "http"} or not host or not url.isprintable() or " " in url:
            raise _unsafe(url, "it is not an https URL")
        if parts.username is not None or parts.password is not None:
            raise _unsafe(url, "it carries user info")
        if self.trusting or host in self.allowed_hosts:
            return
        if parts.scheme != "https":
            raise _unsafe(url, "it is not https")
        if not host.isascii() or ("%" in host and ":" not in host):
            raise _unsafe(url, "its host is not written in plain ASCII, and may be another one than it seems")
        if _is_inside(host):
            raise _unsafe(url, "it leads into a private network")

    def allows_resolved(self, host: str, address: str) -> bool:
        """Tell whether a name may lead to this address: not to loopback or link-local (cloud metadata).

        Nor by a tunnel or a translation to any IPv4 address that is not on the internet.
        """
        if self.trusting or host.lower() in self.allowed_hosts:
            return True
        parsed = _plain(ipaddress.ip_address(address.partition("%")[0]))
        outside = not (parsed.is_loopback or parsed.is_link_local or parsed.is_unspecified)
        return outside and all(each.is_global for each in _embedded(parsed))


@lru_cache(maxsize=256)
def _may_be_called(rules: AddressRules, origin: str) -> bool:
    """Tell it of what all URLs of a storage have in common."""
    try:
        rules.check_wholly(origin)
    except UnsafeURLError:
        return False
    return True


def check_base_url(base_url: str) -> str:
    """Check the platform's base URL and return it without a slash at its end. Raises ValueError."""
    text = base_url.strip()
    try:
        parts = urlsplit(text)
        host, _ = parts.hostname, parts.port
    except ValueError:
        raise ValueError("base_url is not a URL that can be read: it must be like https://host/api/v1.") from None
    if "://" not in text:  # not repeated: it may be the key, passed in the wrong place
        raise ValueError("base_url is not a URL: it must be like https://host/api/v1.")
    if parts.scheme not in {"https", "http"} or not host or not text.isprintable() or " " in text:
        raise ValueError(f"base_url is {without_query(text)!r}: it must be like https://host/api/v1.")
    if parts.username is not None or parts.password is not None or "?" in text or "#" in text:
        raise ValueError(f"base_url is {without_query(text)!r} and more: user, query and fragment have no place in it.")
    return f"{parts.scheme}{text[len(parts.scheme) :]}".rstrip("/")


def is_internal(address: IPAddress) -> bool:
    """Tell whether an address is private, loopback, link-local or otherwise not on the internet, or leads there."""
    plain = _plain(address)
    return plain in _OWN_NAT64 or not all(each.is_global for each in (plain, *_embedded(plain)))


def _is_inside(host: str) -> bool:
    address = _literal(host)
    return _is_localhost(host) or (address is not None and is_internal(address))


def _is_localhost(host: str) -> bool:
    return host.rstrip(".") == "localhost"


def _plain(address: IPAddress) -> IPAddress:
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return mapped or address


def _embedded(address: IPAddress) -> list[ipaddress.IPv4Address]:
    """Return what a tunnel or a translation makes of an address: 6to4, Teredo, NAT64, and the old form `::a.b.c.d`."""
    if isinstance(address, ipaddress.IPv4Address):
        return []
    found = [*(address.teredo or ()), address.sixtofour]
    if any(address in network for network in _LAST_32_BITS):
        found.append(ipaddress.IPv4Address(int(address) & 0xFFFFFFFF))
    return [each for each in found if each is not None]


def _literal(host: str) -> IPAddress | None:
    try:
        return ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return _legacy_ipv4(host)


def _legacy_ipv4(host: str) -> IPAddress | None:
    """Read the old spellings (2130706433, 0x7f.1, 127.1) that resolvers take for addresses."""
    parts = host.rstrip(".").split(".")
    try:
        numbers = [
            int(part, 16 if part[:2].lower() == "0x" else 8 if part[:1] == "0" and part != "0" else 10)
            for part in parts
        ]
        *most, last = numbers
        value = sum(number << (24 - 8 * place) for place, number in enumerate(most)) + last
        return ipaddress.IPv4Address(value) if len(parts) <= 4 else None
    except (ValueError, ipaddress.AddressValueError):
        return None


def _unsafe(url: str, why: str) -> UnsafeURLError:
    return UnsafeURLError(
        f"The platform named the URL {printable(without_query(url))}, which is not called: {why}.",
        code="unsafe_url",
        hint="If that host is yours, pass allowed_hosts=[…] to the client.",
    )
