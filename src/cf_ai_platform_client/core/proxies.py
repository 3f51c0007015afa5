"""Which proxy a URL goes through, by the rules of httpx (https://www.python-httpx.org/environment_variables/)."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from urllib.parse import urlsplit


def proxy_for(url: str, proxies: Mapping[str, str]) -> str | None:
    """Choose the proxy of a URL, None for none.

    `proxies` is what `urllib.request.getproxies()` returns: `https`, `http`, `all` and `no`.

    >>> proxy_for("https://a.example/x", {"https": "proxy:3128", "no": "b.example"})
    'http://proxy:3128'
    """
    parts = urlsplit(url)
    host = (parts.hostname or "").lower()
    if _is_exempt(host, parts.port, proxies.get("no", "")):
        return None
    proxy = proxies.get(parts.scheme) or proxies.get("all")
    if not proxy:
        return None
    return proxy if "://" in proxy else f"http://{proxy}"


def _is_exempt(host: str, port: int | None, no_proxy: str) -> bool:
    entries = [entry.strip().lower() for entry in no_proxy.split(",")]
    return any(_matches(host, port, entry) for entry in entries if entry)


def _matches(host: str, port: int | None, entry: str) -> bool:
    if entry == "*":
        return True
    entry = entry.rpartition("://")[2]
    name, colon, wanted = entry.rpartition(":")
    if colon and wanted.isdecimal() and "]" not in wanted and ":" not in name.strip("[]"):
        return str(port) == wanted and _matches(host, None, name)
    if _is_address(entry.strip("[]")) or entry == "localhost":
        return host == entry.strip("[]")
    domain = entry.lstrip("*").lstrip(".")
    return (host == domain and not entry.startswith((".", "*."))) or host.endswith(f".{domain}")


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True
