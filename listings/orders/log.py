"""Write sync log entries about orders: one per attempt, with the trigger by which an order's page finds them."""

from __future__ import annotations

from datetime import timedelta

from django.conf import settings
from django.urls import reverse

from listings.models import Order
from reverbsync import clock
from shops.models import ReverbConnection
from shops.reverb.errors import FieldErrors
from synclog.models import Entry
from synclog.reasons import REASONS
from synclog.record import Attempt, record

#: How often an entry reports sales without a number that could not be read.
NUMBERLESS_EVERY = timedelta(days=1)
OUTCOMES = {
    "order_created": Entry.Outcome.SYNCED,
    "order_cancelled": Entry.Outcome.SYNCED,
    "tracking_sent": Entry.Outcome.SYNCED,
    "picked_up_sent": Entry.Outcome.SYNCED,
    "order_not_needed": Entry.Outcome.NOTHING,
    "tracking_known": Entry.Outcome.NOTHING,
    "tracking_left": Entry.Outcome.SKIPPED,
}


def trigger_of(number: str) -> str:
    """Return the trigger of an order's entries."""
    return f"Reverb order {number}"[:60]


def page_of(order: Order) -> str:
    """Return the address of an order's page in our app."""
    return settings.SITE_URL + reverse("orders:order", args=[order.shop_id, order.pk])


def link_of(order: Order) -> str:
    """Return the address of its page on Reverb."""
    if order.seen.web_url:
        return order.seen.web_url
    connection = ReverbConnection.objects.filter(shop=order.shop_id).first()
    return f"{connection.web_url}/my/selling/orders/{order.number}" if connection else ""


def not_readable(shop_id: int, number: str, why: str) -> None:
    """Write an entry about a sale that could not be read or saved, once: every poll meets it again.

    Sales without a number cannot be distinguished, so there is one entry a day for all of them.
    """
    named = f"Order {number}" if number else "An order without a number"
    mine = Entry.objects.filter(shop=shop_id, outcome=Entry.Outcome.FAILED)
    if not number:
        mine = mine.filter(at__gt=clock.now() - NUMBERLESS_EVERY)
    if mine.filter(reason="sale_not_readable", title=named).exists():
        return
    connection = ReverbConnection.objects.filter(shop=shop_id).first()
    link = f"{connection.web_url}/my/selling/orders/{number}" if connection and number else ""
    record(
        Attempt(
            shop_id=shop_id,
            at=clock.now(),
            outcome=Entry.Outcome.FAILED,
            reason="sale_not_readable",
            title=named,
            listing_link=link,
            message=why,
            trigger=trigger_of(number) if number else "Reverb orders",
        )
    )


def log_order(
    order: Order,
    reason: str,
    *,
    changes: dict[str, str] | None = None,
    reverb_said: str = "",
    field_errors: FieldErrors | None = None,
    attempt: int = 1,
) -> None:
    """Write an entry. `changes` maps names to texts; Reverb's own words are separate."""
    product = order.product
    record(
        Attempt(
            shop_id=order.shop_id,
            at=clock.now(),
            outcome=OUTCOMES.get(reason, Entry.Outcome.FAILED),
            reason=reason,
            store_product_id=product.store_product_id if product else "",
            title=order.title or (product.title if product else ""),
            sku=order.sku,
            product_link=product.seen.url if product else "",
            listing_link=link_of(order),
            fix_link=page_of(order) if REASONS[reason].waits or reason == "tracking_left" else "",
            changes=[{"field": name, "before": "", "after": words} for name, words in (changes or {}).items()],
            message=reverb_said,
            field_errors=field_errors or {},
            attempt=max(1, attempt),
            trigger=trigger_of(order.number),
        )
    )
