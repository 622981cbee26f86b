"""Make the shop's sales on Reverb as orders in the store, once each, and cancel those whose sale is off.

What an order asks for is decided by `decide.py` whenever Reverb's word for it is another than the one that was decided
on; so whoever writes a row of an order need not know of this file, and a lost wake-up costs a second. Before the call
that makes an order, its row says so (`making_at`); while that stands, the store may have it already, and it is looked
for after a while: a store's search may trail.

One worker a shop makes orders (reverbsync.dispatch.locks). PostgreSQL releases its lock when the database connection
breaks, perhaps while the worker waits for the store. So `making_at` is renewed before each call, which another worker
leaves alone for a while, and nothing is written by a connection that does not hold the lock.
"""

from __future__ import annotations

import logging
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import F, Q

from listings.models import Order, StoreOrderState
from listings.orders import order_form, precedence
from listings.orders.calling import Cancelling, Making
from listings.orders.decide import GONE, IN_STORE, Facts, next_store_state
from listings.orders.ingest import PROCESS_STORE_ORDERS
from listings.orders.log import link_of, log_order
from listings.queue import jobs
from reverbsync import clock
from reverbsync.database import portions
from reverbsync.dispatch import ownership
from reverbsync.dispatch.ownership import Lost
from reverbsync.dispatch.wake import wake
from reverbsync.security.redaction import broke
from shops.models import ReverbConnection, Shop, StoreConnection
from shops.models.settings import StockWay
from shops.orders import OrderStatus, StoreOrder
from shops.platforms import StoreClient, client_of
from shops.platforms.base import Settler
from shops.platforms.values import StoreAuthError, StoreError, TransientStoreError
from shops.reverb.client import ReverbClient
from shops.reverb.errors import RateLimited, ReverbError, TransientError
from shops.reverb.orders import PAID
from shops.snapshots import ReverbOrder

logger = logging.getLogger(__name__)

#: How long one turn holds a worker before the shop queues up again behind the others.
TURN_S = 2.0
#: A store's search may trail a lost order by this much; earlier it is neither looked for nor made again.
LOOK_AFTER = timedelta(minutes=2)
#: How long before that a lost order is looked for: the store's clock may differ from ours.
LOOK_BACK = timedelta(hours=1)
#: A sale that came this much before orders were switched on still counts: clocks differ.
SLACK = timedelta(minutes=2)
#: With the longest delay a quarter of an hour, half a day.
MAX_ATTEMPTS = 60
#: How long after it was made the store is first asked for parcels.
FIRST_LOOK = timedelta(minutes=5)
#: What failed is tried again by itself after so long, doubled each time: the refusal may have been a mistake.
RETRY_FIRST, RETRY_AT_LATEST = timedelta(minutes=15), timedelta(hours=6)
#: A list of the store's orders that has more pages than these has no end.
MAX_PAGES = 200
#: What has waited long may wait a little longer; how often a word of Reverb's that changed back is looked at.
RECHECK_AFTER = timedelta(minutes=10)


# -- who needs a turn ----------------------------------------------------------------------------------------------


def _due(now: datetime) -> tuple[Q, ...]:
    """What is due, what is news, and what was linked to a product late; each has an index of its own."""
    return (
        Q(store_due_at__lte=now),
        ~Q(decided_on=F("status")),
        Q(store_state=StoreOrderState.NO_PRODUCT, product__isnull=False),
    )


def shops_with_due_ones(now: datetime) -> set[int]:
    """Return the shops that have orders to decide on, to make or to cancel, for the sweeper."""
    found = (Order.objects.filter(one).values_list("shop_id", flat=True).distinct() for one in _due(now))
    return {shop_id for shop_ids in found for shop_id in shop_ids}


def turn(shop_id: int) -> bool:
    """Go through a shop's orders for one turn, oldest first; return whether there may be more."""
    mine = Shop.objects.filter(pk=shop_id, delete_asked_at=None).exclude(store__clearing_since__isnull=False)
    shop = mine.select_related("sync_settings").first()
    over = clock.monotonic() + TURN_S
    while shop is not None and clock.monotonic() < over:
        order = _next(shop)
        if order is None:
            return False
        try:
            _step(order)
        except Lost:
            logger.warning("Order %s of shop %s is left to another worker", order.pk, shop_id)
            return False
        except Exception as error:  # noqa: BLE001 -- ours to mend; meanwhile it is tried again ever more rarely
            broke(logger, error, "Order %s of shop %s could not be processed", order.pk, shop_id)
            _later(order, "Something went wrong on our side.")
    return shop is not None


def _next(shop: Shop) -> Order | None:
    mine = Order.objects.filter(shop=shop).select_related("product", "shop__sync_settings", "shop__store")
    # By the columns of their indexes: the planner takes "is news" for nearly all rows, and would walk through them.
    order = ("store_due_at", "placed_at", "placed_at")
    found = (mine.filter(one).order_by(by).first() for one, by in zip(_due(clock.now()), order, strict=True))
    return next((one for one in found if one is not None), None)


# -- what the seller and the settings say --------------------------------------------------------------------------


def ask_for(order: Order) -> None:
    """The seller wants an order in the store, or tries again what failed."""
    again = {
        StoreOrderState.CANCEL_FAILED: StoreOrderState.CANCELLING,
        StoreOrderState.HANDLED_MANUALLY: StoreOrderState.UNDECIDED,
        StoreOrderState.IN_FORMER_STORE: StoreOrderState.UNDECIDED,
    }
    state = again.get(StoreOrderState(order.store_state), order.store_state)
    _save(order, store_state=state, asked_for=True, store_due_at=clock.now(), attempts=0)
    wake(PROCESS_STORE_ORDERS, order.shop_id)


def leave(order: Order) -> None:
    """The seller did by hand what could not be done here."""
    by_hand = {
        StoreOrderState.CREATE_FAILED: StoreOrderState.HANDLED_MANUALLY,
        StoreOrderState.CANCEL_FAILED: StoreOrderState.CANCELLED,
        StoreOrderState.CANCELLING: StoreOrderState.CANCELLED,
    }
    state = by_hand.get(StoreOrderState(order.store_state))
    if state is not None:
        _save(order, store_state=state, asked_for=False, store_due_at=None, problem="", making_at=None)


def settings_changed(shop: Shop) -> None:
    """Settings or a connection changed: begin or end to take orders, and look again at what waits."""
    now, on = clock.now(), shop.sync_settings.take_orders
    mine = Order.objects.filter(shop=shop)
    if on:
        StoreConnection.objects.filter(shop=shop, orders_since=None).update(orders_since=now)
    else:
        StoreConnection.objects.filter(shop=shop).update(orders_since=None)
    stopped = [
        StoreOrderState.CREATING,
        StoreOrderState.CREATE_FAILED,
        StoreOrderState.CANCELLING,
        StoreOrderState.AWAITING_PAYMENT,
    ]
    for some in portions(mine.filter(store_state__in=stopped)):
        some.update(store_due_at=now, store_attempts=0)
    if on:
        for some in portions(mine.filter(store_state=StoreOrderState.SKIPPED, seen_at__gte=now - timedelta(days=1))):
            some.update(store_due_at=now)
    wake(PROCESS_STORE_ORDERS, shop.pk)


def try_again(shop_id: int) -> None:
    """The store, or Reverb, works again: what failed, or waits for its next try, is due now."""
    late = Q(store_due_at__isnull=True) | Q(store_due_at__gt=clock.now())
    waiting = Order.objects.filter(
        late,
        shop=shop_id,
        store_state__in=[StoreOrderState.CREATING, StoreOrderState.CREATE_FAILED, StoreOrderState.CANCELLING],
    )
    if sum(some.update(store_due_at=clock.now()) for some in portions(waiting)):
        wake(PROCESS_STORE_ORDERS, shop_id)


def store_replaced(shop: Shop) -> None:
    """Another store was connected: orders made in the old one are none of its own, and only new sales go there."""
    StoreConnection.objects.filter(shop=shop).update(orders_since=None)
    mine = Order.objects.filter(shop=shop)
    gone: dict[str, Any] = {"store_due_at": None, "parcels_due_at": None, "making_at": None, "begun": {}}
    for some in portions(mine.filter(Q(store_state__in=IN_STORE) | Q(making_at__isnull=False))):
        some.update(store_state=StoreOrderState.IN_FORMER_STORE, **gone)
    for some in portions(
        mine.filter(
            store_state__in=[StoreOrderState.CREATING, StoreOrderState.CREATE_FAILED, StoreOrderState.AWAITING_PAYMENT]
        )
    ):
        some.update(asked_for=False, store_state=StoreOrderState.SKIPPED, **gone)


# -- one order -----------------------------------------------------------------------------------------------------


def _step(order: Order) -> None:
    facts = Facts(
        order.store_state, order.status, order.product is not None, _wanted(order), order.making_at is not None
    )
    state = next_store_state(facts)
    if state == StoreOrderState.CREATING:
        _make(order)
    elif state == StoreOrderState.CANCELLING:
        _undo(order)
    else:
        _settle(order, state)


def _wanted(order: Order) -> bool:
    """Return whether an order goes into the store: sold, or paid, since orders are taken; or the seller asked."""
    if order.asked_for:
        return True
    store = StoreConnection.objects.filter(shop=order.shop_id).first()
    if store is None or not order.shop.sync_settings.take_orders:
        return False
    if store.orders_since is None:
        store.orders_since = clock.now()
        store.save(update_fields=["orders_since"])
    moments = [order.placed_at, order.seen.paid_at or order.placed_at]
    return max(moments) >= store.orders_since - SLACK


def _settle(order: Order, state: StoreOrderState) -> None:
    """Nothing is to be called; say so, and when it was decided."""
    before, on_again = (
        order.store_state,
        order.store_state == StoreOrderState.CANCELLED and state == StoreOrderState.CREATED,
    )
    seen = {"store_status": OrderStatus.CANCELLED.value, "parcels_due_at": clock.now()} if on_again else {}
    _save(order, store_state=state, store_due_at=None, problem="", attempts=0, **seen)
    if on_again:
        log_order(order, "order_on_again")
    elif before != state == StoreOrderState.NOT_NEEDED and _wanted(order):
        log_order(order, "order_not_needed")


def _make(order: Order) -> None:
    """Make an order in the store, or find out whether a lost answer made it."""
    now = clock.now()
    if order.making_at is not None and now < order.making_at + LOOK_AFTER:
        _save(order, store_state=StoreOrderState.CREATING, store_due_at=order.making_at + LOOK_AFTER)
        return
    store = _store(order)
    if store is None:
        _fail(order, "Your store is not connected. Connect it, and the order is made.", retry=False)
        return
    client = client_of(store)
    order.store_attempts += 1
    try:
        asked = _asked_of_reverb(order)
        seen = precedence.of_known(asked, order) if asked is not None else None
        if seen is None:
            _fail(order, "Reverb is not connected. Connect it, and the order is made.", retry=False)
        elif seen.status in PAID:
            _create(order, seen, store, client)
        elif order.making_at is not None and seen.status in GONE:
            _look_for_lost(order, client)
        else:
            # Reverb's word is newer than our row; that is read again soon, and then decided on.
            _save(order, store_state=StoreOrderState.AWAITING_PAYMENT, store_due_at=now + RECHECK_AFTER)
    except ReverbError as error:
        _reverb_failed(order, error)
    except StoreError as error:
        _store_failed(order, error)
    except order_form.Unfit as unfit:
        _fail(order, str(unfit))


def _create(order: Order, seen: ReverbOrder, store: StoreConnection, client: StoreClient) -> None:
    assert order.product is not None or order.making_at  # noqa: S101 -- decided so
    if order.product is None:
        _fail(order, "Its product is gone from your store. Please look whether the order was made there.")
        return
    takes = order.counts and not _ledger_counts(order.shop)
    made = order_form.new_order(
        seen, order.product.seen, takes_stock=takes, currency=store.currency, link=link_of(order)
    )
    wish = replace(made, begun=order.begun, keep=lambda begun: _save(order, begun=dict(begun)))
    before, order.making_at = order.making_at, clock.now()
    attempts = order.store_attempts
    _save(
        order,
        store_state=StoreOrderState.CREATING,
        making_at=order.making_at,
        attempts=attempts,
        store_due_at=order.making_at,
    )
    try:
        with ownership.of(Making(order)):
            placed = client.create_order(wish)
    except StoreError as error:
        if not error.may_have_applied and not order.begun:
            order.making_at = before  # an earlier call may have made it all the same
        raise
    _made(order, placed, takes_stock=takes, made_for=order_form.mark_of(seen))


def _ledger_counts(shop: Shop) -> bool:
    """Return whether our ledger takes sold units from the store's stock (listings/stock): then the order must not."""
    return shop.sync_settings.sync_stock and shop.sync_settings.stock_way == StockWay.BOTH


def _look_for_lost(order: Order, client: StoreClient) -> None:
    """The sale is off, but the order may have been made: look, so that it does not stay behind in the store."""
    assert order.making_at is not None  # noqa: S101 -- the caller has looked
    if order.begun and isinstance(client, Settler):
        client.settle(order.begun, order.number)
        _save(order, begun={})
    since, cursor = order.making_at - LOOK_BACK, ""
    for _ in range(MAX_PAGES):
        found, following = client.orders(since, cursor)
        for one in found:
            if one.reverb_number == order.number:
                _made(order, one, takes_stock=order.counts and not _ledger_counts(order.shop), made_for="")
                return
        if not following or following == cursor:
            break
        cursor = following
    else:
        raise TransientStoreError("The list of your store's orders has no end.")
    _save(order, store_state=StoreOrderState.NOT_NEEDED, making_at=None, store_due_at=None, problem="", attempts=0)
    log_order(order, "order_not_needed")


def _made(order: Order, made: StoreOrder, *, takes_stock: bool, made_for: str) -> None:
    now, had_failed = clock.now(), bool(order.store_problem)
    with transaction.atomic():
        _save(
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
            # The sale may have gone off meanwhile: decide anew.
            store_due_at=now,
            problem="",
        )
        shown = {"In your store": f"Order {made.number or made.id}"}
        log_order(order, "order_created", changes=shown, attempt=order.store_attempts)
    if had_failed:  # what kept it back has passed, and may have kept others
        try_again(order.shop_id)


def _undo(order: Order) -> None:
    """Cancel an order in the store."""
    store = _store(order)
    if store is None:
        _save(order, store_state=StoreOrderState.CANCELLING, store_due_at=None, problem="Your store is not connected.")
        return
    word = "refunded" if order.status == "refunded" else "cancelled"
    _save(
        order,
        store_state=StoreOrderState.CANCELLING,
        attempts=order.store_attempts + 1,
        store_due_at=clock.now() + LOOK_AFTER,
    )
    try:
        with ownership.of(Cancelling(order, LOOK_AFTER)):
            client_of(store).release(
                order.store_order_id,
                reverb_number=order.number,
                gives_back=order.takes_stock,
                note=f"Reverb order {order.number} was {word} on Reverb.",
            )
    except TransientStoreError as error:
        _later(order, str(error), at_least=error.retry_after)
        log_order(order, "order_release_later", changes={"Your store": str(error)}, attempt=order.store_attempts)
    except StoreAuthError as error:
        _save(order, store_state=StoreOrderState.CANCELLING, store_due_at=_retry_at(order), problem=str(error))
        log_order(order, "order_release_failed", changes={"Your store": str(error)}, attempt=order.store_attempts)
    except StoreError as error:
        _save(order, store_state=StoreOrderState.CANCEL_FAILED, store_due_at=None, problem=str(error))
        log_order(order, "order_release_failed", changes={"Your store": str(error)}, attempt=order.store_attempts)
    else:
        with transaction.atomic():
            gone: dict[str, Any] = {"store_status": OrderStatus.CANCELLED.value, "parcels_due_at": None}
            _save(order, store_state=StoreOrderState.CANCELLED, store_due_at=None, problem="", **gone)
            shown = {"In your store": f"Order {order.store_order_number or order.store_order_id}"}
            log_order(order, "order_released", changes=shown, attempt=order.store_attempts)


def _store(order: Order) -> StoreConnection | None:
    return StoreConnection.objects.filter(shop=order.shop_id, removed_at=None).first()


def _asked_of_reverb(order: Order) -> ReverbOrder | None:
    """Ask Reverb for the order as it is now: with the buyer, who is not kept while orders are not taken."""
    connection = ReverbConnection.objects.filter(shop=order.shop_id).first()
    return ReverbClient.of(connection).order(order.number) if connection else None


# -- what went wrong -----------------------------------------------------------------------------------------------


def _store_failed(order: Order, error: StoreError) -> None:
    if isinstance(error, TransientStoreError) and order.store_attempts < MAX_ATTEMPTS:
        waits = LOOK_AFTER.total_seconds() if order.making_at else 0.0
        _later(order, str(error), at_least=max(waits, error.retry_after or 0.0))
        log_order(order, "order_try_later", changes={"Your store": str(error)}, attempt=order.store_attempts)
    else:
        _fail(order, str(error))


def _reverb_failed(order: Order, error: ReverbError) -> None:
    if isinstance(error, RateLimited):
        _save(
            order,
            store_state=StoreOrderState.CREATING,
            store_due_at=clock.now() + timedelta(seconds=error.retry_after or 1.0),
        )
    elif isinstance(error, TransientError) and order.store_attempts < MAX_ATTEMPTS:
        _later(order, error.message, at_least=error.retry_after)
        log_order(order, "order_try_later", reverb_said=error.message, attempt=order.store_attempts)
    else:
        _fail(order, f"Reverb: {error.message}")


def _later(order: Order, words: str, *, at_least: float | None = None) -> None:
    """Try again later by itself, after a delay that grows."""
    order.store_attempts = max(1, order.store_attempts)
    due = clock.now() + timedelta(seconds=jobs.delay_s(min(order.store_attempts, 20), at_least=at_least))
    state = StoreOrderState.CANCELLING if order.store_state == StoreOrderState.CANCELLING else StoreOrderState.CREATING
    _save(
        order,
        store_state=state,
        store_due_at=due,
        problem=words,
        making_at=order.making_at,
        attempts=order.store_attempts,
    )


def _fail(order: Order, words: str, *, retry: bool = True) -> None:
    """Wait for the seller, and try again by itself meanwhile (`retry`). The log names each cause once."""
    changed = order.store_problem != words[:300]
    _save(
        order,
        store_state=StoreOrderState.CREATE_FAILED,
        store_due_at=_retry_at(order) if retry else None,
        problem=words,
        making_at=order.making_at,
        attempts=order.store_attempts,
    )
    if changed:
        log_order(order, "order_create_failed", changes={"Why": words}, attempt=order.store_attempts)


def _retry_at(order: Order) -> datetime:
    doublings = min(max(0, order.store_attempts - 1), 10)
    return clock.now() + min(RETRY_AT_LATEST, RETRY_FIRST * 2.0**doublings)


_COLUMNS = {"problem": "store_problem", "attempts": "store_attempts"}


def _save(order: Order, **changes: Any) -> None:
    """Save what belongs to the order's way into the store, and Reverb's word that it was decided on; nothing else.

    Others write the rest of the row meanwhile. Raises Lost where another worker may be at it.
    """
    ownership.confirm()
    values = {_COLUMNS.get(name, name): value for name, value in changes.items()}
    values["store_problem"] = str(values.get("store_problem", order.store_problem))[:300]
    if order.decided_on != order.status:
        values |= {"decided_on": order.status, "changed_at": clock.now()}
    for name, value in values.items():
        setattr(order, name, value)
    Order.objects.filter(pk=order.pk).update(**values)
