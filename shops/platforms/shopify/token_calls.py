"""Call the token endpoint of a Shopify store."""

from __future__ import annotations

from dataclasses import dataclass, field
from urllib.parse import urlencode

from django.conf import settings

from reverbsync import clock
from shops.platforms import calls
from shops.platforms.errors import StoreAuthError, TransientStoreError
from shops.platforms.shopify import token_refusals, tokens
from shops.platforms.shopify.endpoint import READ_S, STORE, budget_of, root_of
from shops.platforms.shopify.tokens import Tokens


@dataclass(frozen=True)
class App:
    """Client id and secret of an app."""

    client_id: str
    client_secret: str = field(repr=False)


def app_of_the_operator() -> App:
    """Return the app that the operator of this site configured; both parts are "" if there is none."""
    return App(settings.SHOPIFY_CLIENT_ID, next(iter(app_secrets()), ""))


def app_secrets() -> list[str]:
    """Return its client secrets: the current one first, then a former one that still signs for an hour."""
    return [secret.get_secret_value() for secret in settings.SHOPIFY_CLIENT_SECRETS]


def tokens_for_code(address: str, code: str, app: App) -> Tokens:
    """Exchange an authorization code; return expiring tokens."""
    return _exchange(address, app, {"code": code, "expiring": "1"})


def renewed(address: str, current: Tokens, secret: str) -> Tokens:
    """Return new tokens in place of `current`; `secret` is the connection's client secret.

    Raise StoreAuthError if Shopify refuses, TransientStoreError if a retry may succeed.
    """
    app = App(current.client_id, secret) if current.client_id else app_of_the_operator()
    if current.refresh:
        form = {"grant_type": "refresh_token", "refresh_token": current.refresh}
    else:
        form = {"grant_type": "client_credentials"}
    return current.renewed(_exchange(address, app, form))


def _exchange(address: str, app: App, form: dict[str, str]) -> Tokens:
    sent = urlencode({"client_id": app.client_id, "client_secret": app.client_secret, **form}).encode()
    answer = calls.call(
        STORE,
        "POST",
        f"{root_of(address)}/admin/oauth/access_token",
        budgets=[budget_of(address)],
        headers={"Content-Type": "application/x-www-form-urlencoded", "Accept": "application/json"},
        body=sent,
        read_s=READ_S,
    )
    if words := token_refusals.refusal_of(answer.status, answer.text):
        raise StoreAuthError(words)
    if answer.status != 200:
        raise TransientStoreError(f"Shopify answered {answer.status} when asked for a token.", may_have_applied=True)
    return tokens.read(calls.json_of(STORE, answer), clock.now())
