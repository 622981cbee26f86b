"""Listings of other shops that use the same Reverb account: each belongs to the shop that linked it first."""

from __future__ import annotations

from django.db.models import QuerySet

from listings.models import Listing
from shops.shared_account import shops_sharing_account


def linked_elsewhere(shop_id: int) -> QuerySet[Listing]:
    """Return the listings of the shop's Reverb account that other shops have linked."""
    return Listing.objects.filter(shop__in=shops_sharing_account(shop_id)).exclude(reverb_id="")
