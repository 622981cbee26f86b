"""Connect a Shopify store: its address, and the code grant.

Facts: shopify.dev "Authenticate standalone apps"; the checks and their order are those of Shopify's own library.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from urllib.parse import quote, urlencode, urlsplit

from django.conf import settings

from reverbsync import clock
from shops.platforms import addresses
from shops.platforms.handshake import Declined, Go, Grant, Pending, Step, Visit
from shops.platforms.shopify import scopes, token_calls
from shops.platforms.shopify.scopes import SCOPES
from shops.platforms.shopify.token_calls import App
from shops.platforms.shopify.ways import CLIENT_ID, CLIENT_SECRET
from shops.schemas import number_in

#: Format of a shop's own host (host check of the official JavaScript library).
_HOST = re.compile(r"[a-z0-9][a-z0-9-]*\.myshopify\.com")
_ANY_HOST = re.compile(r"[a-z0-9][a-z0-9.:-]*")
#: Maximum age of a callback.
FRESH = timedelta(seconds=90)


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


class CodeGrant:
    """The authorization code grant with expiring offline tokens: for the operator's app, or one whose keys were pasted.

    The pasted keys of an agency's app are `client_id` and `client_secret` of the pending connection.
    """

    asks_address = True
    label = "Connect with Shopify"

    @property
    def is_offered(self) -> bool:
        """Return whether the operator configured an app."""
        app = token_calls.app_of_the_operator()
        return bool(app.client_id and app.client_secret)

    def begin(self, pending: Pending, base: str) -> str:
        """Return the store's page on which the seller grants access."""
        query = {
            "client_id": _app_of(pending).client_id,
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
            _check_signature(visit.query, token_calls.app_secrets())
            address = _host(visit.query)
            state = secrets.token_urlsafe(24)
            return Go(self.begin(Pending(state, address), visit.base), address=address, state=state)
        if step != "callback":
            raise Declined("There is no such step.")
        return self._callback(visit.query, pending)

    def _callback(self, query: Mapping[str, str], pending: Pending | None) -> Step:
        if pending is None:
            raise Declined("This connection was not begun here, or too long ago. Please begin again.")
        app, is_pasted = _app_of(pending), CLIENT_ID in pending.kept
        _check_signature(query, [app.client_secret] if is_pasted else token_calls.app_secrets())
        if (host := _host(query)) != pending.address:
            raise Declined(addresses.another(pending.address, host))
        if not _is_fresh(query.get("timestamp", ""), clock.now()):
            raise Declined("This answer of Shopify is too old. Please begin again.")
        tokens = token_calls.tokens_for_code(pending.address, query.get("code", ""), app)
        if lacking := scopes.missing(tokens.scope):
            raise Declined(f"Shopify did not grant {', '.join(lacking)}. Please begin again.")
        tokens = replace(tokens, client_id=app.client_id if is_pasted else "")
        return Grant(pending.address, tokens.to_json(), app.client_secret, state=pending.state)


def _app_of(pending: Pending) -> App:
    """Return the app of a pending connection: the pasted one, or the operator's."""
    kept = pending.kept
    return App(kept[CLIENT_ID], kept[CLIENT_SECRET]) if CLIENT_ID in kept else token_calls.app_of_the_operator()


def _host(query: Mapping[str, str]) -> str:
    try:
        return read_address(query.get("shop", ""))
    except ValueError as error:
        raise Declined(str(error)) from None


def _check_signature(query: Mapping[str, str], client_secrets: list[str]) -> None:
    """Verify `hmac` over all other parameters, known or not (docs: lower-case hex, sorted, joined by &)."""
    rest = {name: value for name, value in query.items() if name not in ("hmac", "signature")}
    signed = urlencode(sorted(rest.items())).encode()
    given = query.get("hmac", "").encode("ascii", errors="replace")
    good = [hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest().encode() for secret in client_secrets]
    if not any([hmac.compare_digest(one, given) for one in good]):  # noqa: C419 -- all are compared, in constant time
        raise Declined("This visit was not signed by Shopify.")


def _is_fresh(timestamp: str, now: datetime) -> bool:
    at = number_in(timestamp)
    return at is not None and abs(now.timestamp() - at) < FRESH.total_seconds()
