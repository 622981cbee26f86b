"""Request a recheck of what waits for the seller."""

from __future__ import annotations

from shops.models import Shop


def look_again(*shops: Shop) -> None:
    """Request a recheck of products that wait for the seller, because settings or a connection changed."""
    Shop.objects.filter(pk__in=[shop.pk for shop in shops]).update(recheck_requested=True)
