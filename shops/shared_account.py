"""Shops that sync with the same Reverb account: a listing belongs to the shop that linked it first."""

from __future__ import annotations

from django.db.models import Q

from shops.models import ReverbConnection, Shop


def shops_sharing_account(shop_id: int) -> list[Shop]:
    """Return the other shops that have this shop's Reverb account and a store, by id.

    Accounts are the same if Reverb gave both the same id, or no id and the same name.
    """
    mine = ReverbConnection.objects.filter(shop=shop_id).first()
    if mine is None or not (mine.account_id or mine.account):
        return []
    same = Q(account_id=mine.account_id) if mine.account_id else Q(account_id="", account=mine.account)
    syncing = Q(shop__deletion_requested_at=None, shop__store__removed_at=None, shop__store__isnull=False)
    found = ReverbConnection.objects.filter(same, syncing, sandbox=mine.sandbox).exclude(shop=shop_id)
    return [one.shop for one in found.select_related("shop").order_by("shop")]
