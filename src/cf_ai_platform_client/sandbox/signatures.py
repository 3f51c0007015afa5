"""Signed URLs with an expiry, refused when altered, in the manner of S3. No I/O."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from datetime import datetime, timezone
from urllib.parse import quote

_TIME = "%Y%m%dT%H%M%SZ"


def sign(secret: bytes, path: str, now: float, lifetime: float) -> str:
    """Return the query that lets anybody read `path` (unquoted, below the storage) for `lifetime` seconds."""
    date = datetime.fromtimestamp(now, timezone.utc).strftime(_TIME)
    expires = str(int(lifetime))
    return f"X-Amz-Date={date}&X-Amz-Expires={expires}&X-Amz-Signature={_signature(secret, path, date, expires)}"


def refusal(secret: bytes, path: str, query: Mapping[str, str], now: float) -> tuple[str, str] | None:
    """Return why a signed URL is refused, as S3's code and message, None where it is good."""
    date, expires = query.get("X-Amz-Date", ""), query.get("X-Amz-Expires", "")
    expected = _signature(secret, path, date, expires)
    if not hmac.compare_digest(expected.encode(), query.get("X-Amz-Signature", "").encode()):
        return "SignatureDoesNotMatch", "The request signature we calculated does not match the one you provided."
    signed = datetime.strptime(date, _TIME).replace(tzinfo=timezone.utc).timestamp()
    if now >= signed + int(expires):
        return "AccessDenied", "Request has expired"
    return None


def quoted(path: str) -> str:
    """Quote a path for a URL, its slashes aside."""
    return quote(path, safe="/")


def _signature(secret: bytes, path: str, date: str, expires: str) -> str:
    message = "\n".join((path, date, expires)).encode()
    return hmac.new(secret, message, hashlib.sha256).hexdigest()
