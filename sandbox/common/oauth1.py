"""OAuth 1.0a signatures of requests to a stand-in, implemented from RFC 5849, not with the app's library."""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from urllib.parse import parse_qsl, quote, unquote

from flask import Request

_PART = re.compile(r'(\w+)="([^"]*)"')


def in_header(header: str) -> dict[str, str]:
    """Return the parts of an OAuth header."""
    return {name: unquote(value) for name, value in _PART.findall(header)} if header.startswith("OAuth ") else {}


def key(secret: str, token_secret: str = "") -> str:
    """Return the signing key."""
    return f"{encoded(secret)}&{encoded(token_secret)}"


def encoded(text: str) -> str:
    """Percent-encode as the RFC requires."""
    return quote(text, safe="~")


def is_signed(request: Request, said: dict[str, str], signing_key: str) -> bool:
    """Return whether a request has a valid HMAC-SHA256 signature. `said` are its header's OAuth parameters, if any.

    A "/" in the path is signed as it is, although it may be sent as %2F.
    """
    raw: str = request.environ.get("RAW_URI") or request.environ.get("REQUEST_URI") or request.path
    path, _, query = raw.partition("?")
    url = request.host_url.rstrip("/") + path.replace("%2F", "/").replace("%2f", "/")
    pairs = [*parse_qsl(query, keep_blank_values=True), *said.items()]
    given = next((value for name, value in pairs if name == "oauth_signature"), "")
    pairs = [(name, value) for name, value in pairs if name != "oauth_signature"]
    joined = "&".join(f"{name}={value}" for name, value in sorted((encoded(n), encoded(v)) for n, v in pairs))
    base = "&".join([request.method, encoded(url), encoded(joined)])
    digest = hmac.new(signing_key.encode(), base.encode(), hashlib.sha256).digest()
    return hmac.compare_digest(base64.b64encode(digest).decode(), given)
