"""Sign calls: OAuth 1.0a with HMAC-SHA256, or a lone access token if the store accepts one.

Facts: a "/" in a SKU is sent as %2F, but signed unencoded (seen on Magento 2.4.7); a JSON body is not signed.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from urllib.parse import urlsplit, urlunsplit

from oauthlib.oauth1 import SIGNATURE_HMAC_SHA256, Client

from reverbsync import clock


def headers(
    token: str, method: str, url: str, *, nonce: str | None = None, timestamp: int | None = None, verifier: str = ""
) -> Mapping[str, str]:
    """Return the Authorization header of a call.

    `token` is one access token, or "consumer key:consumer secret:token:token secret". While a token is being requested,
    the last two are empty and `verifier` is set. `timestamp` is in seconds since 1970.
    """
    key, *others = token.split(":")
    if not others:
        return {"Authorization": f"Bearer {key}"}
    secret, owner, owner_secret = others
    client = Client(
        key,
        client_secret=secret,
        resource_owner_key=owner or None,
        resource_owner_secret=owner_secret or None,
        verifier=verifier or None,
        signature_method=SIGNATURE_HMAC_SHA256,
        nonce=nonce or secrets.token_hex(16),
        timestamp=str(timestamp if timestamp is not None else int(clock.now().timestamp())),
    )
    parts = urlsplit(url)
    signed = urlunsplit(parts._replace(path=parts.path.replace("%2F", "/")))
    _, made, _ = client.sign(signed, http_method=method)  # type: ignore[arg-type]  # its stubs know but the constants
    return {"Authorization": made["Authorization"]}
