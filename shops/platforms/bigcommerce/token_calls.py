"""BigCommerce's token for the code that an installation brings."""

from __future__ import annotations

from typing import Any

from django.conf import settings

from reverbsync.ratelimit.budget import Budget
from shops.platforms import calls
from shops.platforms.bigcommerce.rest import CALLS_PER_MINUTE, READ_S, Rest
from shops.platforms.errors import StoreAuthError, TransientStoreError


def token_for_code(*, code: str, scope: str, context: str, redirect_uri: str) -> dict[str, Any]:
    """Return BigCommerce's answer to an installation's authorization code."""
    form = {
        "client_id": settings.BIGCOMMERCE_CLIENT_ID,
        "client_secret": settings.BIGCOMMERCE_CLIENT_SECRET.get_secret_value(),
        "code": code,
        "scope": scope,
        "context": context,
        "grant_type": "authorization_code",
        "redirect_uri": redirect_uri,
    }
    answer = calls.call(
        Rest.store,
        "POST",
        f"{settings.BIGCOMMERCE_LOGIN_URL}/oauth2/token",
        budgets=[Budget("bigcommerce:login", CALLS_PER_MINUTE)],
        headers={"Accept": "application/json", "Content-Type": "application/json"},
        body=form,
        read_s=READ_S,
    )
    if answer.status in (400, 401, 403) and answer.text.lstrip().startswith("{"):
        raise StoreAuthError("BigCommerce did not take the code. Please install the app again.")
    if answer.status != 200:
        raise TransientStoreError(
            f"BigCommerce answered {answer.status} when asked for a token.", may_have_applied=True
        )
    said = calls.json_of(Rest.store, answer)
    return said if isinstance(said, dict) else {}
