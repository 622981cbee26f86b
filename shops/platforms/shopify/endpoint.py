"""Name the address and the rate limits of a Shopify store."""

from __future__ import annotations

from django.conf import settings

from reverbsync.ratelimit.budget import Budget

STORE = "Shopify"
#: Far above the cost limits, which set the real rate.
CALLS_PER_MINUTE = 1200
READ_S = 20.0


def root_of(address: str) -> str:
    """Return the base URL of a store: its own, or the stand-in's."""
    return settings.SHOPIFY_ADMIN_URL or f"https://{address}"


def budget_of(address: str) -> Budget:
    """Return the store's budget."""
    return Budget(f"shopify:{address}", CALLS_PER_MINUTE)


def crawl_budget_of(address: str) -> Budget:
    """Return the additional budget of the store's crawls, which is held while too few points are left."""
    return Budget(f"shopify:{address}:crawl", CALLS_PER_MINUTE)
