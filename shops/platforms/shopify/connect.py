"""How a Shopify store is connected: its address, and what the seller does in Shopify."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

from django.conf import settings

#: Shape of a shop's own host (official JavaScript library, host check).
_HOST = re.compile(r"^[a-z0-9][a-z0-9-]*\.myshopify\.com$")

STEPS = (
    "In Shopify, open Settings, then Apps, then Develop apps.",
    "Make an app with the scopes read_products, read_inventory, read_locations and read_orders, and install it.",
    "Copy the Admin API access token and the API secret key into the form on this page.",
    "Let Shopify call the webhook address shown here for each of the topics listed, in JSON format.",
)


def read_address(text: str) -> str:
    """Return the host of a shop out of what a person typed. Raises ValueError with a sentence.

    Where SHOPIFY_ADMIN_URL names a stand-in, any host is taken, since that address is called instead.
    """
    typed = text.strip().lower()
    host = urlsplit(typed if "//" in typed else f"//{typed}").netloc
    if settings.SHOPIFY_ADMIN_URL and host:
        return host
    if not _HOST.match(host):
        raise ValueError("That is not a Shopify address. It looks like your-shop.myshopify.com.")
    return host
