"""Connect a Shopify store: its address, pasted keys of the seller's own app, and the code grant.

Facts: shopify.dev "Authenticate standalone apps"; the checks and their order are those of Shopify's own library.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from collections.abc import Mapping
from datetime import datetime, timedelta
from urllib.parse import quote, urlencode, urlsplit

from django.conf import settings

from reverbsync import clock
from shops.platforms import addresses
from shops.platforms.handshake import Declined, Go, Grant, Pending, Step, Visit
from shops.platforms.shopify import token_calls
from shops.platforms.values import Field
from shops.schemas import number_in

#: Format of a shop's own host (host check of the official JavaScript library).
_HOST = re.compile(r"[a-z0-9][a-z0-9-]*\.myshopify\.com")
_ANY_HOST = re.compile(r"[a-z0-9][a-z0-9.:-]*")
#: Stock needs all scopes but those for orders and fulfilments; docs/platforms.md says what each is for.
SCOPES = (
    "read_products",
    "read_inventory",
    "write_inventory",
    "read_locations",
    "read_orders",
    "write_orders",
    "read_fulfillments",
)
#: Maximum age of a callback.
FRESH = timedelta(seconds=90)

STEPS = (
    "In Shopify, open Settings, then Apps, then Develop apps.",
    f"Make an app with the scopes {', '.join(SCOPES)}, and install it.",
    "Copy the Admin API access token and the API secret key into the form on this page.",
)
FIELDS = (
    Field("token", "Admin API access token", "Lets us read your products."),
    Field("secret", "API secret key", "Proves that a webhook comes from your store."),
)


def read_address(text: str) -> str:
    """Return the host of a shop from what a person typed. Raise ValueError with a sentence.

    If SHOPIFY_ADMIN_URL names a stand-in, any host is accepted, since that URL is called instead.
    """
    typed = text.strip().lower()
    shape = _ANY_HOST if settings.SHOPIFY_ADMIN_URL else _HOST
    try:
        parts = urlsplit(typed if "//" in typed else f"https://{typed}")
    except ValueError:
        parts = None
    if parts is None or parts.scheme not in ("http", "https") or not shape.fullmatch(parts.netloc):
        raise ValueError("That is not a Shopify address. It looks like your-shop.myshopify.com.")
    return parts.netloc


def app_secrets() -> list[str]:
    """Return the app's client secrets: the current one first, then a former one that still signs for an hour."""
    return [secret.get_secret_value() for secret in settings.SHOPIFY_CLIENT_SECRETS]


class CodeGrant:
    """The authorization code grant with expiring offline tokens."""

    asks_address = True
    label = "Connect with Shopify"

    def begin(self, pending: Pending, base: str) -> str:
        """Return the store's page on which the seller grants access."""
        query = {
            "client_id": settings.SHOPIFY_CLIENT_ID,
            "scope": ",".join(SCOPES),
            "redirect_uri": f"{base}callback/",
            "state": pending.state,
        }
        root = settings.SHOPIFY_ADMIN_URL or f"https://{pending.address}"
        return f"{root}/admin/oauth/authorize?{urlencode(query, quote_via=quote)}"

    def state_of(self, step: str, visit: Visit) -> str:
        """Return the state, which Shopify sends back in the callback."""
        return visit.query.get("state", "") if step == "callback" else ""

    def by_server(self, step: str) -> bool:
        """Return False: the seller's browser makes all calls."""
        return False

    def visit(self, step: str, visit: Visit, pending: Pending | None) -> Step:
        """Handle `start`, from Shopify's app page, or `callback`, the seller's return."""
        if step == "start":
            _check_signature(visit.query)
            address = _host(visit.query)
            state = secrets.token_urlsafe(24)
            return Go(self.begin(Pending(state, address), visit.base), address=address, state=state)
        if step != "callback":
            raise Declined("There is no such step.")
        return self._callback(visit.query, pending)

    def _callback(self, query: Mapping[str, str], pending: Pending | None) -> Step:
        if pending is None:
            raise Declined("This connection was not begun here, or too long ago. Please begin again.")
        _check_signature(query)
        if (host := _host(query)) != pending.address:
            raise Declined(addresses.another(pending.address, host))
        if not _is_fresh(query.get("timestamp", ""), clock.now()):
            raise Declined("This answer of Shopify is too old. Please begin again.")
        tokens, scope = token_calls.tokens_for_code(pending.address, query.get("code", ""))
        granted = set(scope.split(","))
        # A write scope includes the read scope of the same resource, and Shopify then names only the former.
        effective = granted | {name.replace("write_", "read_", 1) for name in granted if name.startswith("write_")}
        if missing := set(SCOPES) - effective:
            raise Declined(f"Shopify did not grant {', '.join(sorted(missing))}. Please begin again.")
        return Grant(pending.address, tokens.to_json(), app_secrets()[0], state=pending.state)


def _host(query: Mapping[str, str]) -> str:
    try:
        return read_address(query.get("shop", ""))
    except ValueError as error:
        raise Declined(str(error)) from None


def _check_signature(query: Mapping[str, str]) -> None:
    """Verify `hmac` over all other parameters, known or not (docs: lower-case hex, sorted, joined by &)."""
    rest = {name: value for name, value in query.items() if name not in ("hmac", "signature")}
    signed = urlencode(sorted(rest.items())).encode()
    given = query.get("hmac", "").encode("ascii", errors="replace")
    good = [hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest().encode() for secret in app_secrets()]
    if not any([hmac.compare_digest(one, given) for one in good]):  # noqa: C419 -- all are compared, in constant time
        raise Declined("This visit was not signed by Shopify.")


def _is_fresh(timestamp: str, now: datetime) -> bool:
    at = number_in(timestamp)
    return at is not None and abs(now.timestamp() - at) < FRESH.total_seconds()
