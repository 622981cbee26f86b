"""Call the token endpoint of a Shopify store."""

from __future__ import annotations

from django.conf import settings

from reverbsync import clock
from reverbsync.http.outbound import Answer
from shops.platforms import calls
from shops.platforms.errors import StoreAuthError, TransientStoreError
from shops.platforms.shopify import tokens
from shops.platforms.shopify.endpoint import READ_S, STORE, budget_of, root_of
from shops.platforms.shopify.tokens import Tokens


def tokens_for_code(address: str, code: str) -> tuple[Tokens, str]:
    """Exchange an authorization code; return expiring tokens and the granted scopes."""
    return exchange(address, {"code": code, "expiring": "1"})


def exchange(address: str, form: dict[str, str]) -> tuple[Tokens, str]:
    """Return the tokens that the app gets for `form`, and the granted scopes.

    Raise StoreAuthError if Shopify refuses, TransientStoreError if a retry may succeed.
    """
    app = {
        "client_id": settings.SHOPIFY_CLIENT_ID,
        "client_secret": next((one.get_secret_value() for one in settings.SHOPIFY_CLIENT_SECRETS), ""),
    }
    answer = calls.call(
        STORE,
        "POST",
        f"{root_of(address)}/admin/oauth/access_token",
        budgets=[budget_of(address)],
        headers={"Content-Type": "application/json", "Accept": "application/json"},
        body={**app, **form},
        read_s=READ_S,
    )
    if answer.status in (400, 401, 403) and _is_oauth_error(answer):
        raise StoreAuthError("Shopify does not take our permission any more. Please connect the store again.")
    if answer.status != 200:
        raise TransientStoreError(f"Shopify answered {answer.status} when asked for a token.", may_have_applied=True)
    return tokens.read(calls.json_of(STORE, answer), clock.now())


def _is_oauth_error(answer: Answer) -> bool:
    """Return whether an answer is the token endpoint's own error, such as `{"error": "invalid_grant"}`."""
    try:
        said = answer.json()
    except ValueError:
        return False
    return isinstance(said, dict) and str(said.get("error", "")).startswith(("invalid_", "unauthorized_", "access_"))
