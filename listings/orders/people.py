"""What orders hold of people: forget it, and count it. Kept only while the shop has its orders made in its store."""

from __future__ import annotations

from datetime import datetime

from django.db.models import F, Func, JSONField, QuerySet, Value

from listings.models import Order
from shops.models import Shop

#: What of a picture is about a person, emptied.
NOBODY = {"buyer": "", "buyer_id": "", "address": None}
#: Nothing has to be done for them any more, so nobody's address is needed.
OVER = ("shipped", "picked_up", "received", "cancelled", "refunded")


def forget(shop: Shop, *, only_over: bool = False) -> None:
    """Empty the names and addresses of a shop's orders; with `only_over` those of orders that are over."""
    rows = Order.objects.filter(shop=shop)
    _empty(rows.filter(status__in=OVER) if only_over else rows)


def forget_old(*, before: datetime) -> None:
    """Empty the names and addresses of orders that are over, and last changed before a moment."""
    _empty(Order.objects.filter(status__in=OVER, updated_at__lt=before))


def held(shop: Shop) -> int:
    """Return how many of a shop's orders hold a name."""
    return Order.objects.filter(shop=shop, picture__has_key="buyer").exclude(picture__buyer="").count()


def _empty(rows: QuerySet[Order]) -> None:
    emptied = Func(
        F("picture"),
        Value(NOBODY, JSONField()),
        template="(%(expressions)s)",
        arg_joiner=" || ",
        output_field=JSONField(),
    )
    rows.filter(picture__has_key="buyer").exclude(picture__contains=NOBODY).update(picture=emptied)
