"""Convert Reverb's orders to snapshots, validating every field.

Facts: Reverb docs, "Retrieve orders"; statuses and missing fields as Reverb's own plugins met them. `created_at` has an
offset; `quantity` may be absent and is then 1; an address is missing for local pickup. A sale without a readable date
is dated now: if it were left out, its units would be sold twice.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from decimal import Decimal
from typing import Annotated, Any

from pydantic import AfterValidator, Field, ValidationError

from reverbsync import clock
from shops.reverb import read
from shops.reverb.errors import TransientError
from shops.reverb.order_fields import Address, Date, Links, Money
from shops.reverb.read import Rows, id_in
from shops.schema_text import storable_text
from shops.schemas import Part, Side, Text, Units
from shops.snapshots import ReverbOrder

logger = logging.getLogger(__name__)

#: The sale is off: its units are free again (Reverb's PrestaShop plugin puts stock back on these).
RELEASED = frozenset({"cancelled", "refunded", "blocked"})
#: Placed, but the payment has not cleared.
UNPAID = frozenset({"unpaid", "payment_pending", "pending_review", "partially_paid"})
#: The payment has cleared.
PAID = frozenset({"paid", "shipped", "picked_up", "received"})
LONGEST_NUMBER = 64
#: Upper limit of an order's units.
MOST_ORDERED = 10**6


def _status(said: str) -> str:
    """Return a status in Reverb's own spelling: an order that is off must not count as sold."""
    word = said.strip().lower()
    return "cancelled" if word == "canceled" else word


class _Order(Part):
    """Number, status and quantity must be readable; other unreadable fields count as absent."""

    order_number: Annotated[str, Field(coerce_numbers_to_str=True, min_length=1, max_length=64)]
    status: Annotated[str, AfterValidator(_status)] = ""
    quantity: Units = None
    order_bundle_id: Side[Text] = ""
    sku: Side[Text] = ""
    title: Side[Text] = ""
    product_id: Side[Text] = ""
    created_at: Date = None
    updated_at: Date = None
    paid_at: Date = None
    amount_product: Side[Money | None] = None
    amount_product_subtotal: Side[Money | None] = None
    shipping: Side[Money | None] = None
    amount_tax: Side[Money | None] = None
    total: Side[Money | None] = None
    selling_fee: Side[Money | None] = None
    bump_fee: Side[Money | None] = None
    direct_checkout_fee: Side[Money | None] = None
    buyer_id: Side[Text] = ""
    buyer_name: Side[Text] = ""
    buyer_first_name: Side[Text] = ""
    buyer_last_name: Side[Text] = ""
    shipping_address: Side[Address | None] = None
    shipping_method: Side[str] = ""
    local_pickup: Side[bool] = False
    shipping_provider: Side[Text] = ""
    shipping_code: Side[Text] = ""
    links: Side[Links] = Field(Links(), alias="_links")


def order(body: object) -> ReverbOrder:
    """Return the snapshot of an order. Raise TransientError if it is invalid."""
    try:
        found = _Order.model_validate(body)
    except (ValidationError, RecursionError) as error:
        where = ".".join(map(str, error.errors()[0]["loc"])) if isinstance(error, ValidationError) else "its depth"
        raise TransientError(f"Reverb's answer could not be read as an order at {where}.") from None
    said_at = found.created_at or found.paid_at or found.updated_at
    placed_at = said_at or clock.now()
    fees = [one.amount for one in (found.selling_fee, found.bump_fee, found.direct_checkout_fee) if one]
    money = found.amount_product or found.total
    web = found.links.web.href
    return ReverbOrder(
        number=found.order_number,
        listing_id=found.product_id or id_in(found.links.listing.href),
        sku=found.sku.strip(),
        title=found.title,
        quantity=min(max(1, found.quantity or 1), MOST_ORDERED),
        status=found.status,
        placed_at=placed_at,
        updated_at=found.updated_at or placed_at,
        paid_at=found.paid_at,
        bundle_id=found.order_bundle_id,
        currency=money.currency if money else "",
        product_amount=_paid(found.amount_product_subtotal or found.amount_product),
        shipping=_paid(found.shipping),
        tax=_paid(found.amount_tax),
        total=_paid(found.total),
        fees=sum(fees, Decimal(0)) if fees else None,
        buyer=found.buyer_name or f"{found.buyer_first_name} {found.buyer_last_name}".strip(),
        buyer_id=found.buyer_id,
        address=_address(found),
        local_pickup=found.local_pickup or found.shipping_method == "local",
        shipping_method=found.shipping_method,
        provider=found.shipping_provider,
        tracking_number=found.shipping_code,
        web_url=web if web.startswith(("https://", "http://")) else "",
        dated=said_at is not None,
    )


def page(body: object) -> Rows:
    """Return a page of orders. Raise TransientError if it is invalid."""
    return read.page(body, "orders")


def readable(rows: list[Any], *, left_out: Callable[[str, str], object] | None = None) -> list[ReverbOrder]:
    """Return the orders that can be read: an unreadable one must not block the others.

    `left_out` receives each other row: its number ("" if unreadable) and the reason.
    """
    found = []
    for row in rows:
        try:
            found.append(order(row))
        except TransientError as error:
            number = row.get("order_number") if isinstance(row, dict) else None
            named = storable_text(str(number)) if isinstance(number, str | int) else ""
            logger.warning("%s It is left out: %s", error, named[:64] or "a row without a number")
            if left_out is not None:
                left_out(named if len(named) <= LONGEST_NUMBER else "", error.message)
    return found


def _paid(money: Money | None) -> Decimal | None:
    return money.amount if money else None


def _address(found: _Order) -> dict[str, str] | None:
    where = found.shipping_address
    if where is None or not (where.street_address or where.locality):
        return None
    return {
        "name": where.name or found.buyer_name,
        "street": where.street_address,
        "extra": where.extended_address,
        "city": where.locality,
        "region": where.region,
        "postal_code": where.postal_code,
        "country": where.country_code,
        "phone": where.phone,
    }
