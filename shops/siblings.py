"""Shops that sync with the same Reverb account: a listing of it belongs to the shop that linked it first."""

from __future__ import annotations

from django.db.models import Q

from shops.models import ReverbConnection, Shop


def siblings_of(shop_id: int) -> list[int]:
    """Return the ids of the other shops with this shop's Reverb account and a store, in ascending order.

    Accounts are one where Reverb gave both the same id, or no id and the same name.
    """
    mine = ReverbConnection.objects.filter(shop=shop_id).first()
    if mine is None or not (mine.account_id or mine.account):
        return []
    same = Q(account_id=mine.account_id) if mine.account_id else Q(account_id="", account=mine.account)
    syncing = Q(shop__delete_asked_at=None, shop__store__removed_at=None, shop__store__isnull=False)
    found = ReverbConnection.objects.filter(same, syncing, sandbox=mine.sandbox).exclude(shop=shop_id)
    return list(found.order_by("shop").values_list("shop", flat=True))


def look_again_at(shop_ids: list[int]) -> None:
    """Ask for another look at what waits in these shops: a shop with the same account let go of its listings."""
    Shop.objects.filter(pk__in=shop_ids).update(look_again_asked=True)
