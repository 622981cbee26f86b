"""The ways to connect a Shopify store with pasted keys, with instructions.

Since 2026-01-01 Shopify lets nobody create an app under Settings → Apps → Develop apps; apps that were created there
keep their `shpat_` token (help.shopify.com "Custom apps"). A seller's own app is created in the Dev Dashboard instead,
and gets tokens by its client id and secret if the same organization owns the store. An agency's app needs the seller's
approval (shopify.dev "Select a distribution method": custom distribution).
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC

from shops.platforms.handshake import base_of
from shops.platforms.shopify.scopes import SCOPES
from shops.platforms.shopify.tokens import Tokens
from shops.platforms.values import Field, Guide, Keys, Way

DASHBOARD = "https://dev.shopify.com/dashboard"
CLIENT_ID, CLIENT_SECRET = "client_id", "client_secret"
_APP = (
    Field(CLIENT_ID, "Client ID", "From the app's settings in the Dev Dashboard.", secret=False),
    Field(CLIENT_SECRET, "Client secret", "Gets us access tokens, and proves that a webhook comes from your store."),
)
_LEGACY = (
    Field("token", "Admin API access token", "It begins with shpat_."),
    Field("secret", "API secret key", "Proves that a webhook comes from your store."),
)


def ways() -> tuple[Way, ...]:
    """Return the ways, the recommended one first."""
    scopes = ",".join(SCOPES)
    own = (
        Guide("Open Shopify's Dev Dashboard, with the account that owns your store.", link=DASHBOARD),
        Guide("Press Create app, then Start from Dev Dashboard, and name the app, for example ReverbSync."),
        Guide("Under Versions, enter these scopes and press Release.", copy=scopes),
        Guide("On the app's home page, press Install app and choose your store."),
        Guide("Under Settings, copy the Client ID and the Client secret into this form."),
    )
    agency = (
        Guide(
            "In the Dev Dashboard, your agency creates an app with custom distribution for your store.", link=DASHBOARD
        ),
        Guide("The app's version has these scopes.", copy=scopes),
        Guide("It allows this redirect URL.", copy=f"{base_of('shopify')}callback/"),
        Guide("Enter the app's Client ID and Client secret here; Shopify then asks you to approve the app."),
    )
    legacy = (
        Guide("In Shopify, open Settings, then Apps, then Develop apps, and choose the app that you created there."),
        Guide("It needs these scopes.", copy=scopes),
        Guide("Copy its Admin API access token and its API secret key into this form."),
    )
    return (
        Way("own-app", "With an app of your own", _APP, own, note="Takes about five minutes, once."),
        Way("agency", "With your agency's app", _APP, agency, by_handshake=True),
        Way(
            "legacy",
            "With the token of an older custom app",
            _LEGACY,
            legacy,
            note="Only if you created the app in Shopify before 2026: new ones get no such token.",
        ),
    )


def pasted(values: Mapping[str, str]) -> Keys:
    """Return the keys from the fields of one way. Raise ValueError with a sentence for the seller."""
    if CLIENT_ID in values:
        return app_keys(values[CLIENT_ID], values[CLIENT_SECRET])
    if values["token"].startswith("shpss_"):
        raise ValueError("That is the API secret key. The Admin API access token begins with shpat_.")
    return Keys(values["token"], values["secret"])


def app_keys(client_id: str, client_secret: str) -> Keys:
    """Return the keys of an app that requests its own tokens. Raise ValueError for keys in the wrong field."""
    if client_id.startswith(("shpss_", "shpat_")):
        raise ValueError("That is a secret. The client ID is the number above it, in the app's settings.")
    if client_secret.startswith("shpat_"):
        raise ValueError(
            "That is an access token of an older app. Paste it under “With the token of an older custom app”."
        )
    return Keys(Tokens(client_id=client_id).to_json(), client_secret)


def about(current: Tokens) -> str:
    """Return a sentence for the seller: whose app the token belongs to, and when it ends."""
    if not current.access and not current.can_renew:
        return ""
    if not current.can_renew:
        return "Connected with the token of a custom app in Shopify. It works until the app is deleted there."
    whose = f"your app {current.client_id}" if current.client_id else "our app"
    if current.ends_at is None:
        return f"Connected with {whose}."
    ends = f"{current.ends_at.astimezone(UTC):%-d %B, %H:%M} UTC"
    return f"Connected with {whose}. Its access token ends on {ends}; we request a new one before that."
