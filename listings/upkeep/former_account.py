"""Detach the listings of a Reverb account that another one has replaced.

They stay on Reverb as they are: they may not be written with the new account's token. What sold there, and the store
does not know yet, is still written to the store. Then each product is matched by SKU with the listings of the new
account, as on the first day.
"""

from __future__ import annotations

from typing import Any

from django.db import transaction
from django.db.models import Exists, F, OuterRef, Q

from listings.mass_sync import run
from listings.models import Job, Ledger, Listing, MassSync, Order
from listings.queue.linked_elsewhere import linked_elsewhere
from reverbsync import clock
from reverbsync.dispatch.locks import try_lock
from shops import recheck, reverb_connection
from shops.models import ReverbConnection, Shop

#: Listings detached per transaction, and the duration of a slice in seconds.
BATCH_SIZE = 500
SLICE_S = 1.0
#: Fields of a listing's row that describe the account's own listing.
_BLANK: dict[str, Any] = {
    "reverb_id": "",
    "link": "",
    "state": "",
    "snapshot": None,
    "read_at": None,
    "indexed_at": None,
    "agreed": {},
    "warnings": [],
    "post_started_at": None,
    "relist_as_new": False,
    "oversells_since": None,
    "oversells_notified_at": None,
    "publish_looks": None,
}


def shops_with_one() -> list[int]:
    """Return the shops with listings of a former account, for the sweeper."""
    return list(ReverbConnection.objects.filter(clearing_since__isnull=False).values_list("shop_id", flat=True))


def run_slice(shop_id: int) -> bool:
    """Detach listings for one slice; return whether there is more that need not wait.

    Attempts that began with the former account's token finish first. The slice can be interrupted at any moment.
    """
    mine = ReverbConnection.objects.filter(shop=shop_id, clearing_since__isnull=False)
    connection = mine.select_related("shop").first()
    if connection is None:
        return False
    if MassSync.objects.filter(shop=shop_id, state__in=MassSync.OPEN, begun_at__lte=connection.clearing_since).exists():
        run.cancel(connection.shop)
    with try_lock(run.MASS, shop_id) as alone:
        if not alone or Job.objects.filter(shop=shop_id, lease_until__gt=clock.now()).exists():
            return False
        over = clock.monotonic() + SLICE_S
        while keys := _some_of(shop_id):
            with transaction.atomic():
                _let_go(keys)
            if clock.monotonic() > over:
                return True
        with transaction.atomic():
            # Not if yet another account was connected in the meantime.
            if mine.filter(clearing_since=connection.clearing_since).update(clearing_since=None):
                Shop.objects.filter(pk=shop_id).update(reverb_account=reverb_connection.account_of(connection))
                recheck.look_again(connection.shop)
    return False


def let_go_of_shared(shop_id: int) -> None:
    """Detach listings that another shop with the same account has linked, while this one was not syncing."""
    theirs = linked_elsewhere(shop_id).values("reverb_id")
    shared = Listing.objects.filter(shop=shop_id, reverb_id__in=theirs).order_by("pk")
    while keys := list(shared.values_list("pk", flat=True)[:BATCH_SIZE]):
        with transaction.atomic():
            _let_go(keys)


def _some_of(shop_id: int) -> list[int]:
    """Return some rows that still describe a listing."""
    has_listing = (
        ~Q(reverb_id="") | Q(snapshot__isnull=False) | Q(post_started_at__isnull=False) | Q(indexed_at__isnull=False)
    )
    rows = Listing.objects.filter(has_listing, shop=shop_id).order_by("pk")
    return list(rows.values_list("pk", flat=True)[:BATCH_SIZE])


def _let_go(keys: list[int]) -> None:
    """Reset what the rows say about Reverb. A ledger stays if the store lacks something; others are deleted."""
    Listing.objects.filter(pk__in=keys, product__gone_at__isnull=False).delete()
    ledgers = Ledger.objects.select_for_update(of=("self",)).filter(listing__in=keys)
    unapplied = Order.objects.filter(product=OuterRef("listing__product"), counts=True).exclude(reckoned=F("status"))
    lacks = ledgers.filter(Q(pending_adjustment__isnull=False) | ~Q(units=F("store")) | Exists(unapplied))
    kept = list(lacks.values_list("pk", flat=True))
    settled = Ledger.objects.filter(listing__in=keys).exclude(pk__in=kept)
    Order.objects.filter(product__listing__ledger__in=settled, counts=True).update(counts=False)
    settled.delete()
    Ledger.objects.filter(pk__in=kept).update(
        reverb=None,
        pending_put=None,
        set_at=None,
        before=[],
        unexplained_drop=0,
        dropped_at=None,
        unexplained_gain=0,
        gained_at=None,
        undecided_at=None,
        linked_at=clock.now(),
    )
    Listing.objects.filter(pk__in=keys).update(**_BLANK)
