"""Create an order in the store for a sale on Reverb, once.

Before the call the order's row records it (`making_at`). While that is set, the store may already have the order, so it
is searched for first, after a delay: a store's search may lag.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from django.db import transaction

from listings.models import Order, StoreOrderState
from listings.orders import order_form, precedence
from listings.orders.calling import LOOK_AFTER, Making, connected_store
from listings.orders.decide import GONE
from listings.orders.failed_store_order import fail, reverb_failed, store_failed
from listings.orders.log import link_of, log_order
from listings.orders.store_order_state import save, try_again
from reverbsync import clock
from reverbsync.dispatch import ownership
from shops.models import ReverbConnection, Shop, StoreConnection
from shops.models.settings import StockWay
from shops.orders import StoreOrder
from shops.platforms import StoreClient, client_of
from shops.platforms.errors import StoreError, TransientStoreError
from shops.platforms.store_client import Settler
from shops.reverb.client import ReverbClient
from shops.reverb.errors import ReverbError
from shops.reverb.orders import PAID
from shops.snapshots import ReverbOrder

#: How long before its call the search for a lost order begins: the store's clock may differ from ours.
LOOK_BACK = timedelta(hours=1)
#: How long after its creation the store is first polled for parcels.
FIRST_LOOK = timedelta(minutes=5)
#: A list of the store's orders with more pages than this is treated as endless.
MAX_PAGES = 200
#: How long an order waits if Reverb's status differs from our row, which is read again soon.
RECHECK_AFTER = timedelta(minutes=10)


def create_or_find(order: Order) -> None:
    """Create an order in the store, or find out whether a call whose response was lost has created it."""
    now = clock.now()
    if order.making_at is not None and now < order.making_at + LOOK_AFTER:
        save(order, store_state=StoreOrderState.CREATING, store_due_at=order.making_at + LOOK_AFTER)
        return
    store = connected_store(order)
    if store is None:
        fail(order, "Your store is not connected. Connect it, and the order is made.", retry=False)
        return
    client = client_of(store)
    order.store_attempts += 1
    try:
        read = _read_from_reverb(order)
        seen = precedence.of_known(read, order) if read is not None else None
        if seen is None:
            fail(order, "Reverb is not connected. Connect it, and the order is made.", retry=False)
        elif seen.status in PAID:
            _create(order, seen, store, client)
        elif order.making_at is not None and seen.status in GONE:
            _look_for_lost(order, client)
        else:
            # Reverb's status is newer than our row; that is read again soon, and then decided on.
            save(order, store_state=StoreOrderState.AWAITING_PAYMENT, store_due_at=now + RECHECK_AFTER)
    except ReverbError as error:
        reverb_failed(order, error)
    except StoreError as error:
        store_failed(order, error)
    except order_form.Unfit as unfit:
        fail(order, str(unfit))


def _create(order: Order, seen: ReverbOrder, store: StoreConnection, client: StoreClient) -> None:
    assert order.product is not None or order.making_at  # noqa: S101 -- ensured by decide.py
    if order.product is None:
        fail(order, "Its product is gone from your store. Please look whether the order was made there.")
        return
    takes = order.counts and not _ledger_counts(order.shop)
    made = order_form.new_order(
        seen, order.product.seen, takes_stock=takes, currency=store.currency, link=link_of(order)
    )
    wish = replace(made, begun=order.begun, keep=lambda begun: save(order, begun=dict(begun)))
    before, order.making_at = order.making_at, clock.now()
    attempts = order.store_attempts
    save(
        order,
        store_state=StoreOrderState.CREATING,
        making_at=order.making_at,
        attempts=attempts,
        store_due_at=order.making_at,
    )
    try:
        with ownership.of(Making(order)):
            created = client.create_order(wish)
    except StoreError as error:
        if not error.may_have_applied and not order.begun:
            order.making_at = before  # an earlier call may still have created it
        raise
    _save_created(order, created, takes_stock=takes, made_for=order_form.mark_of(seen))


def _ledger_counts(shop: Shop) -> bool:
    """Return whether our ledger deducts sold units in the store (listings/stock): then the order must not."""
    return shop.sync_settings.sync_stock and shop.sync_settings.stock_way == StockWay.BOTH


def _look_for_lost(order: Order, client: StoreClient) -> None:
    """Search for an order that may have been created, since the sale is off: it must not remain in the store."""
    assert order.making_at is not None  # noqa: S101 -- checked by the caller
    if order.begun and isinstance(client, Settler):
        client.settle(order.begun, order.number)
        save(order, begun={})
    since, cursor = order.making_at - LOOK_BACK, ""
    for _ in range(MAX_PAGES):
        found, following = client.orders(since, cursor)
        for one in found:
            if one.reverb_number == order.number:
                _save_created(order, one, takes_stock=order.counts and not _ledger_counts(order.shop), made_for="")
                return
        if not following or following == cursor:
            break
        cursor = following
    else:
        raise TransientStoreError("The list of your store's orders has no end.")
    save(order, store_state=StoreOrderState.NOT_NEEDED, making_at=None, store_due_at=None, problem="", attempts=0)
    log_order(order, "order_not_needed")


def _save_created(order: Order, made: StoreOrder, *, takes_stock: bool, made_for: str) -> None:
    now, had_failed = clock.now(), bool(order.store_problem)
    with transaction.atomic():
        save(
            order,
            store_state=StoreOrderState.CREATED,
            making_at=None,
            made_at=now,
            store_order_id=made.id,
            store_order_number=made.number[:64],
            store_order_url=made.url if len(made.url) <= 1000 else "",
            store_status=made.status.value,
            takes_stock=takes_stock,
            made_for=made_for,
            parcels_due_at=now + FIRST_LOOK,
            # The sale may be off by now, so decide again.
            store_due_at=now,
            problem="",
        )
        shown = {"In your store": f"Order {made.number or made.id}"}
        log_order(order, "order_created", changes=shown, attempt=order.store_attempts)
    if had_failed:  # the obstacle is gone, and may have blocked other orders
        try_again(order.shop_id)


def _read_from_reverb(order: Order) -> ReverbOrder | None:
    """Read the order from Reverb with the buyer, who is not stored while orders are not taken."""
    connection = ReverbConnection.objects.filter(shop=order.shop_id).first()
    return ReverbClient.of(connection).order(order.number) if connection else None
