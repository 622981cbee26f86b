"""Sign and verify by the open specification "Standard Webhooks", in both directions. Pure functions.

A sender signs `id.timestamp.body` with HMAC-SHA256; libraries exist in most languages. The secret is written as
`whsec_` and base64.
"""

from __future__ import annotations

import base64
import binascii
import hmac
import re
from collections.abc import Mapping
from datetime import datetime

from shops.platforms.errors import BadSignature

PREFIX = "whsec_"
#: Largest difference between a timestamp and our clock, in seconds (from the specification).
TOLERANCE_S = 300
_SECONDS = re.compile("[0-9]{1,12}")


def sign(secret: str, message_id: str, at: datetime, body: bytes) -> dict[str, str]:
    """Return the three headers for a body."""
    stamp = str(int(at.timestamp()))
    return {
        "webhook-id": message_id,
        "webhook-timestamp": stamp,
        "webhook-signature": f"v1,{_digest(secret, message_id, stamp, body)}",
    }


def verify(secret: str, headers: Mapping[str, str], body: bytes, now: datetime) -> None:
    """Raise BadSignature unless one of the signatures is valid and the timestamp is fresh."""
    message_id, stamp = headers.get("webhook-id", ""), headers.get("webhook-timestamp", "")
    if not message_id or not _SECONDS.fullmatch(stamp) or abs(now.timestamp() - int(stamp)) > TOLERANCE_S:
        raise BadSignature
    good = _digest(secret, message_id, stamp, body).encode()
    given = [one.partition(",") for one in headers.get("webhook-signature", "").split(" ")]
    digests = [digest.encode("ascii", errors="replace") for version, _, digest in given if version == "v1"]
    if not any([hmac.compare_digest(good, digest) for digest in digests]):  # noqa: C419 -- all are compared
        raise BadSignature


def _digest(secret: str, message_id: str, stamp: str, body: bytes) -> str:
    """Return the signature. A secret without the prefix, which we did not generate, is used as it is."""
    try:
        key = base64.b64decode(secret[len(PREFIX) :]) if secret.startswith(PREFIX) else secret.encode()
    except binascii.Error:
        key = b""
    if not key:
        raise BadSignature
    signed = f"{message_id}.{stamp}.".encode() + body
    return base64.b64encode(hmac.digest(key, signed, "sha256")).decode()
