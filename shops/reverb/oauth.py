"""Exchange the code of Reverb's OAuth for a token."""

from __future__ import annotations

from urllib.parse import urlencode

from django.conf import settings

from reverbsync.http import errors, outbound
from shops.reverb import limits
from shops.reverb.errors import PermanentError, TransientError


def token_for_code(web_url: str, code: str, redirect_uri: str) -> str:
    """Exchange an authorization code for an access token (Reverb docs: POST /oauth/token). Raise ReverbError."""
    form = {
        "client_id": settings.REVERB_CLIENT_ID,
        "client_secret": settings.REVERB_CLIENT_SECRET.get_secret_value(),
        "code": code,
        "grant_type": "authorization_code",
        "redirect_uri": redirect_uri,
    }
    headers = {"Accept": "application/json", "Content-Type": "application/x-www-form-urlencoded"}
    address = f"{web_url}/oauth/token"
    try:
        answer = outbound.call("POST", address, budgets=[limits.app()], headers=headers, body=urlencode(form).encode())
        body = answer.json()
    except (errors.RateLimited, errors.Unreachable, errors.NotAllowed, ValueError):
        raise TransientError("Reverb did not answer. Please try again.") from None
    token = body.get("access_token") if isinstance(body, dict) else None
    if answer.status != 200 or not isinstance(token, str):
        raise PermanentError("Reverb did not take the code. Please begin again.")
    return token
