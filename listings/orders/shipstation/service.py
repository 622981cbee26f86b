"""Reverb's sales for ShipStation's custom store, and the parcels that ShipStation reports."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from functools import partial

from django.db.models import Q

from listings.models import Order, Parcel
from listings.orders import order_form, tracking
from listings.orders.decide import GONE, SHIPPED
from listings.orders.log import link_of
from listings.orders.shipstation import custom_store
from listings.orders.shipstation.client import ShipStationClient, ShipStationError
from listings.orders.shipstation.custom_store import Notice, Row
from listings.orders.shipstation.notices import Label
from listings.orders.tracking import TrackingReport
from listings.queue import retry_delay
from reverbsync import clock
from reverbsync.outage import attempt
from reverbsync.security.redaction import whereabouts
from shops.models import ShipStation, ShipStationNotice, Shop
from shops.reverb.orders import PAID

logger = logging.getLogger(__name__)

PAGE = 100
#: V1 writes times without a zone, so windows overlap by more than a day.
LOOK_BACK = timedelta(days=2)
MAX_ATTEMPTS = 40
#: Seconds between retries while ShipStation rejects the seller's keys.
UNTIL_FIXED_S = 3600.0


class NotOn(Exception):
    """The shop's settings do not allow it; the message is shown in ShipStation."""


@dataclass(frozen=True)
class Window:
    """The requested window: changes in these minutes, including the last one."""

    start: datetime
    end: datetime
    page: int


# -- the custom store ----------------------------------------------------------------------------------------------


def export(shop: Shop, window: Window) -> str:
    """Return a page of the orders that changed in a window, in any state. Raises NotOn."""
    if not shop.sync_settings.take_orders:
        raise NotOn("Switch on “Make orders from Reverb in your store” in ReverbSync: only then addresses are kept.")
    found = Order.objects.filter(
        shop=shop,
        changed_at__gte=window.start,
        changed_at__lt=window.end + timedelta(minutes=1),
        snapshot__address__street__isnull=False,
    )
    total = found.count()
    start = (max(1, window.page) - 1) * PAGE
    rows = found.order_by("changed_at", "pk")[start : start + PAGE]
    return custom_store.export([_row(order) for order in rows], pages=-(-total // PAGE))


def _row(order: Order) -> Row:
    seen = order.seen
    address = order_form.address_of(seen)
    assert address is not None  # noqa: S101 -- checked by the query
    paid = order_form.goods(seen) or Decimal(0)
    return Row(
        number=order.number,
        status=_status(order.status),
        ordered_at=order.placed_at,
        changed_at=order.changed_at or order.updated_at,
        buyer=seen.buyer,
        buyer_code=f"reverb-{seen.buyer_id or order.number}",
        address=address,
        sku=order.sku,
        title=order.title,
        quantity=order.quantity,
        price=(paid / order.quantity).quantize(order_form.CENT),
        total=seen.total or paid,
        tax=seen.tax or Decimal(0),
        shipping=seen.shipping or Decimal(0),
        shipping_method=seen.shipping_method,
        note=order_form.note(seen, link_of(order)),
    )


def _status(word: str) -> str:
    """Return the status, one of five that the seller enters in ShipStation, for one of Reverb's eleven."""
    if word in GONE:
        return "cancelled"
    if word in SHIPPED:
        return "shipped"
    if word in PAID:
        return "paid"
    return "on_hold" if word in ("blocked", "pending_review") else "unpaid"


def keep_notice(shop: Shop, notice: Notice) -> bool:
    """Save a parcel reported to the custom store; return whether its order exists. Raises NotOn."""
    _refuse_unless_on(shop)
    order = Order.objects.filter(shop=shop, number=notice.order_number).first()
    if order is None:
        return False
    said = TrackingReport(Parcel.Source.SHIPSTATION, notice.tracking_number, notice.carrier, notify=notice.notify)
    tracking.add_parcel(order, said)
    return True


def _refuse_unless_on(shop: Shop) -> None:
    if not shop.sync_settings.send_tracking:
        raise NotOn("Switch on “Send tracking numbers to Reverb” in ReverbSync, then send this again.")


# -- the webhook ---------------------------------------------------------------------------------------------------


def shops_with_due_ones(now: datetime) -> set[int]:
    """Return the shops with due notices of ShipStation, for the sweeper."""
    return set(ShipStationNotice.objects.filter(due_at__lte=now).values_list("shipstation__shop_id", flat=True))


def next_one(shop_id: int) -> ShipStationNotice | None:
    """Return the shop's notice that is due next."""
    found = ShipStationNotice.objects.filter(shipstation__shop=shop_id, due_at__lte=clock.now())
    return found.select_related("shipstation__shop__sync_settings").order_by("due_at", "pk").first()


def follow(notice: ShipStationNotice) -> None:
    """Fetch the parcels that a notice hints at from ShipStation, and save those of our orders.

    Raises only if the database or Redis is down; a parcel that cannot be saved does not block the others.
    """
    ours = notice.shipstation
    if not ours.shop.sync_settings.send_tracking:
        notice.delete()
        return
    labels: list[Label] = []
    error = attempt(lambda: labels.extend(_labels(notice)))
    for label in labels:
        error = attempt(partial(_keep, ours.shop, label)) or error
    if error is not None:
        _failed(notice, error)
        return
    ShipStation.objects.filter(pk=ours.pk).update(problem="", reported_at=clock.now())
    notice.delete()


def _labels(notice: ShipStationNotice) -> list[Label]:
    query = dict(notice.query["query"])
    if "batchId" not in query:
        query["createDateStart"] = (notice.received_at - LOOK_BACK).strftime("%Y-%m-%d")
    ours = notice.shipstation
    return ShipStationClient(ours.api_key, ours.api_secret).labels(notice.query["path"], query)


def _keep(shop: Shop, label: Label) -> None:
    order = _order_of(shop, label)
    if order is not None:
        tracking.add_parcel(order, TrackingReport(Parcel.Source.SHIPSTATION, label.tracking_number, label.carrier))


def _order_of(shop: Shop, label: Label) -> Order | None:
    """Return the order of a label: by Reverb's number, or by the number of the store's order for it.

    A store's own order may have the same number as another order on Reverb, so the SKUs in the parcel must match.
    """
    named = {one for one in (label.order_number, label.order_key) if one}
    in_store = {*named, *(f"#{one}" for one in named), *(one.removeprefix("#") for one in named)}
    found = Order.objects.filter(Q(number__in=named) | Q(store_order_number__in=in_store), shop=shop)
    for order in found.order_by("-placed_at"):
        if not label.skus or not order.sku or order.sku in label.skus:
            return order
    return None


def _failed(notice: ShipStationNotice, error: Exception) -> None:
    own = not isinstance(error, ShipStationError)
    words = "Something in its answer couldn't be processed. We will retry." if own else str(error)[:300]
    ShipStation.objects.filter(pk=notice.shipstation_id).update(problem=words)
    attempts = notice.attempts + 1
    if own or attempts > MAX_ATTEMPTS:
        where = notice.shipstation.shop_id, attempts, whereabouts(error)
        logger.warning("A notice of ShipStation for shop %s failed, %s times: %s", *where)
    if attempts > MAX_ATTEMPTS:
        notice.delete()
        return
    retry_after = error.retry_after if isinstance(error, ShipStationError) else None
    least = retry_after if own or getattr(error, "transient", False) else UNTIL_FIXED_S
    wait = timedelta(seconds=retry_delay.delay_s(min(attempts, 20), at_least=least))
    ShipStationNotice.objects.filter(pk=notice.pk).update(attempts=attempts, due_at=clock.now() + wait)
