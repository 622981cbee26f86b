"""Connect a BigCommerce store: an API account's keys, or the single-click app.

Facts: developer docs, "App installation and auth", "Callbacks": the install has no state, so only the token exchange
proves it; load, uninstall and remove_user have a token signed by the client secret (HS256).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import jwt
from django.conf import settings

from shops.platforms.bigcommerce.token_calls import token_for_code
from shops.platforms.handshake import Declined, Grant, Opened, Pending, Removed, Step, Visit
from shops.platforms.values import Field

SCOPES = (
    "store_v2_products",
    "store_inventory",
    "store_locations_read_only",
    "store_v2_orders",
    "store_v2_transactions_read_only",
    "store_v2_information_read_only",
)
STEPS = (
    "In BigCommerce, open Settings, Store-level API accounts, and create a V2/V3 API token.",
    "Give it: Products, Store Inventory and Orders “modify”, Store Locations and Information “read-only”.",
    "Copy the access token and the client secret into the form on this page.",
)
FIELDS = (
    Field("token", "Access token", "Lets us read your products."),
    Field("secret", "Client secret", "Proves that a webhook comes from BigCommerce."),
)
_HASH = re.compile(r"(?:.*stores/|.*store-|)([a-z0-9]{4,20})(?:$|/.*|\.mybigcommerce\.com.*)")
#: In the docs' sample, a token's validity begins five seconds before its creation.
LEEWAY_S = 60


def read_address(text: str) -> str:
    """Return the store hash from a hash, an API path or a control panel address. Raise ValueError."""
    found = _HASH.fullmatch(text.strip().lower().removeprefix("https://"))
    if found is None:
        raise ValueError("That is not a store hash. It is the part after stores/ in the API path.")
    return found[1]


class SingleClick:
    """The app in BigCommerce's own marketplace."""

    asks_address = False
    is_offered = True
    label = "Install from BigCommerce"

    def begin(self, pending: Pending, base: str) -> str:
        """Return BigCommerce's login page: the seller installs the app there, and no state is passed."""
        return str(settings.BIGCOMMERCE_LOGIN_URL)

    def state_of(self, step: str, visit: Visit) -> str:
        """Return "": this protocol has no state."""
        return ""

    def by_server(self, step: str) -> bool:
        """Return False: the seller's browser makes all calls."""
        return False

    def visit(self, step: str, visit: Visit, pending: Pending | None) -> Step:
        """Handle one of the four callbacks."""
        if step == "auth":
            return _auth(visit)
        if step not in ("load", "uninstall", "remove_user"):
            raise Declined("There is no such step.")
        claims = _claims(visit.query.get("signed_payload_jwt", ""))
        address = _address(str(claims["sub"]))
        if step != "uninstall":
            return Opened(address)
        if _id_in(claims, "user") != _id_in(claims, "owner"):
            raise Declined("Only the store's owner can take the app out.")
        return Removed(address)


def _auth(visit: Visit) -> Step:
    context = visit.query.get("context", "")
    address = _address(context)
    said = token_for_code(
        code=visit.query.get("code", ""),
        scope=visit.query.get("scope", ""),
        context=context,
        redirect_uri=f"{visit.base}auth/",
    )
    if said.get("context") != context:
        raise Declined("BigCommerce answered for another store than the one that was asked.")
    granted = set(str(said.get("scope", "")).split())
    if missing := set(SCOPES) - granted:
        raise Declined(f"The app may not do enough: {', '.join(sorted(missing))} is missing.")
    secret = settings.BIGCOMMERCE_CLIENT_SECRET.get_secret_value()
    return Grant(address, str(said.get("access_token", "")), secret)


def _address(text: str) -> str:
    try:
        return read_address(text)
    except ValueError as error:
        raise Declined(str(error)) from None


def _id_in(claims: Mapping[str, Any], name: str) -> object:
    person = claims.get(name)
    return person.get("id") if isinstance(person, Mapping) else None


def _claims(token: str) -> Mapping[str, Any]:
    try:
        claims: dict[str, Any] = jwt.decode(
            token,
            settings.BIGCOMMERCE_CLIENT_SECRET.get_secret_value(),
            algorithms=["HS256"],
            audience=settings.BIGCOMMERCE_CLIENT_ID,
            issuer="bc",
            leeway=LEEWAY_S,
            options={"require": ["aud", "iss", "sub", "exp"]},
        )
    except jwt.InvalidTokenError:
        raise Declined("This visit was not signed by BigCommerce.") from None
    return claims
