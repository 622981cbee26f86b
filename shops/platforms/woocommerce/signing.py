"""Sign calls over plain http (see ALLOWED_PRIVATE_HOSTS), so that the secret is not sent.

Facts: WooCommerce's REST docs, "Authentication over HTTP": one-legged OAuth 1.0a in the query, HMAC-SHA256. Over plain
http WooCommerce rejects Basic authentication (seen on WooCommerce 11).
"""

from __future__ import annotations

import secrets

from oauthlib.oauth1 import SIGNATURE_HMAC_SHA256, SIGNATURE_TYPE_QUERY, Client

from reverbsync import clock


def signed(method: str, url: str, key: str, secret: str) -> str:
    """Return the URL with its signature; a JSON body is not signed."""
    client = Client(
        key,
        client_secret=secret,
        signature_method=SIGNATURE_HMAC_SHA256,
        signature_type=SIGNATURE_TYPE_QUERY,
        nonce=secrets.token_hex(16),
        timestamp=str(int(clock.now().timestamp())),
    )
    made, _, _ = client.sign(url, http_method=method)  # type: ignore[arg-type]  # its stubs know but the constants
    return str(made)
