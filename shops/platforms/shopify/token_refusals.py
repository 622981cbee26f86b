"""What Shopify's token endpoint says when it issues no token, in words for the seller.

It answers with an error's code: as JSON (`{"error": "invalid_client"}`) or on a page whose text is `Oauth error
shop_not_permitted: …`. Any other answer proves nothing.

Facts: shopify.dev "Client credentials grant" (shop_not_permitted); the other codes and the page were reported by
integrations in 2026.
"""

from __future__ import annotations

import json
import re

_ON_A_PAGE = re.compile(r"oauth error (?P<code>[a-z_]+)", re.IGNORECASE)
AGAIN = "Please connect the store again."
WORDS = {
    "app_not_installed": (
        "Your app isn't installed on this store. Open it in Shopify's Dev Dashboard, press Install app, and choose "
        "this store."
    ),
    "shop_not_permitted": (
        "Your app belongs to another organization than this store, so Shopify issues it no token. Create the app in "
        "the Dev Dashboard of the organization that owns the store, or connect with your agency's app."
    ),
    "application_cannot_be_found": (
        "Shopify knows no app with this client ID. Copy it again from the app's settings in the Dev Dashboard."
    ),
    "invalid_client": (
        "Shopify doesn't accept this client secret. If it was rotated, copy the new one from the app's settings in the "
        "Dev Dashboard."
    ),
    "invalid_grant": f"Shopify doesn't take our permission any more. {AGAIN}",
}
_FAMILIES = ("invalid_", "unauthorized_", "access_")


def refusal_of(status: int, text: str) -> str:
    """Return the sentence for an answer that refuses a token; "" if it proves nothing."""
    if status not in (400, 401, 403, 404):
        return ""
    code = _code_of(text)
    if code in WORDS:
        return WORDS[code]
    return f"Shopify issues no token ({code}). {AGAIN}" if code.startswith(_FAMILIES) else ""


def _code_of(text: str) -> str:
    try:
        said = json.loads(text)
    except ValueError:
        found = _ON_A_PAGE.search(text)
        return found["code"].lower() if found else ""
    error = str(said.get("error", "")) if isinstance(said, dict) else ""
    return error.lower() if re.fullmatch(r"[a-zA-Z_]{1,60}", error) else ""
