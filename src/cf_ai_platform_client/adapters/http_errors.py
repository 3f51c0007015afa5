"""What the HTTP library raises → our errors, which show neither queries nor passwords."""

from __future__ import annotations

import asyncio

import aiohttp
from yarl import URL

from ..core.redaction import printable, without_query
from ..errors import CFError, NetworkError, NoConnectionError, RequestTimeoutError, ResponseError, UnsafeURLError


def error_of_library(error: Exception, url: str, *, storage: bool = False, proxied: bool = False) -> CFError:
    """Say in one sentence what went wrong with a request, and what to do.

    `storage` says that the platform named the URL, not the user; `proxied` that it was called through a proxy.
    """
    host = printable(URL(without_query(url)).host or "the server")
    if isinstance(error, asyncio.TimeoutError | TimeoutError):
        return RequestTimeoutError(f"No answer from {host} in time.", code="timeout")
    if isinstance(error, aiohttp.ClientConnectorCertificateError):
        return NoConnectionError(
            f"The certificate of {host} is not trusted ({printable(str(error.certificate_error), 160)}).",
            code="network",
            hint="Behind a company proxy, point SSL_CERT_FILE to its certificate.",
        )
    if isinstance(error, aiohttp.ClientHttpProxyError):
        return NoConnectionError(
            f"The proxy refused to connect to {host} ({error.status} {printable(error.message, 100)}).",
            code="network",
            hint="Check HTTPS_PROXY, and the user and password in it.",
        )
    if isinstance(error, aiohttp.ClientConnectorError):
        if proxied and (isinstance(error, aiohttp.ClientProxyConnectionError) or error.host.lower() != host.lower()):
            host = f"the proxy {printable(error.host)}"
        return NoConnectionError(
            f"No connection to {host}: {printable(error.strerror or str(error.os_error))}.",
            code="network",
            hint=f"Check {'' if storage else 'the base URL, '}the network and the proxy settings.",
        )
    if isinstance(error, aiohttp.ClientPayloadError):
        return ResponseError(f"The answer of {host} ended too early.", code="truncated")
    if isinstance(error, aiohttp.InvalidURL):
        return UnsafeURLError(f"{printable(without_query(url))} cannot be called.", code="unsafe_url")
    if isinstance(error, aiohttp.ClientResponseError):
        hint = "Check the proxy settings." if storage else "Check the base URL."
        return NetworkError(f"What answers at {host} does not speak HTTP.", code="network", hint=hint)
    return NetworkError(f"The connection to {host} broke ({type(error).__name__}).", code="network")
