"""Which proxy a URL goes through, by the rules of httpx (https://www.python-httpx.org/environment_variables/)."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from urllib.parse import SplitResult, urlsplit

_PORTS = {"http": 80, "https": 443}


def proxy_for(url: str, proxies: Mapping[str, str]) -> str | None:
    """Choose the proxy of a URL, None for none.

    `proxies` is what `urllib.request.getproxies()` returns: `https`, `http`, `all` and `no`.

    >>> proxy_for("https://a.example/x", {"https": "proxy:3128", "no": "b.example"})
    'http://proxy:3128'
    """
    parts = urlsplit(url)
    entries = [entry.strip() for entry in proxies.get("no", "").split(",")]
    if any(entry and (entry == "*" or _exempts(entry, parts)) for entry in entries):
        return None
    proxy = proxies.get(parts.scheme) or proxies.get("all")
    if not proxy:
        return None
    return proxy if "://" in proxy else f"http://{proxy}"


def _exempts(entry: str, url: SplitResult) -> bool:
    try:
        pattern = urlsplit(_as_pattern(entry))
        port = _port(pattern)
    except ValueError:
        return False
    if pattern.scheme not in {"all", url.scheme} or port not in {None, _port(url)}:
        return False
    return _matches(url.hostname or "", pattern.hostname or "")


def _as_pattern(entry: str) -> str:
    """Write an entry as scheme and host: `*.a` stands for what is below a, `*a` for a too."""
    if "://" in entry:
        return entry
    address = _address(entry.partition("/")[0])
    if isinstance(address, ipaddress.IPv6Address):
        return f"all://[{entry}]"
    exact = address is not None or entry.lower() == "localhost" or entry.startswith("[")
    return f"all://{entry}" if exact else f"all://*{entry}"


def _matches(host: str, pattern: str) -> bool:
    if pattern in {"", "*"}:
        return True
    if pattern.startswith("*."):
        return host.endswith(pattern[1:])
    if pattern.startswith("*"):
        return host == pattern[1:] or host.endswith(f".{pattern[1:]}")
    return host == pattern


def _port(url: SplitResult) -> int | None:
    return None if url.port == _PORTS.get(url.scheme) else url.port


def _address(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(text)
    except ValueError:
        return None
