"""Reverb's orders → our pictures. Takes nothing on trust.

Facts: Reverb docs, "Retrieve orders"; statuses and missing fields as Reverb's own plugins met them. `created_at`
carries an offset; `quantity` may be absent and is then 1; an address is missing for local pickup.
"""

from __future__ import annotations

import logging
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from pydantic import Field, ValidationError

from shops.pictures import ReverbOrder
from shops.reverb.errors import Passing
from shops.reverb.read import id_in
from shops.wire import Part, Text

logger = logging.getLogger(__name__)

#: The sale is off: its units are free again (Reverb's PrestaShop plugin puts stock back on these).
RELEASED = frozenset({"cancelled", "refunded", "blocked"})
#: Placed, and the money has not cleared.
UNPAID = frozenset({"unpaid", "payment_pending", "pending_review", "partially_paid"})
#: The money has cleared.
PAID = frozenset({"paid", "shipped", "picked_up", "received"})


class _Money(Part):
    amount: Decimal = Decimal(0)
    currency: str = ""


class _Link(Part):
    href: str = ""


class _Links(Part):
    listing: _Link = _Link()
    web: _Link = _Link()


class _Address(Part):
    name: str = ""
    street_address: str = ""
    extended_address: str = ""
    locality: str = ""
    region: str = ""
    postal_code: Text = ""
    country_code: str = ""
    phone: Text = ""


class _Order(Part):
    order_number: Text
    order_bundle_id: Text = ""
    status: str = ""
    sku: Text = ""
    title: str = ""
    quantity: int = 1
    product_id: Text = ""
    created_at: datetime | None = None
    updated_at: datetime | None = None
    paid_at: datetime | None = None
    amount_product: _Money | None = None
    amount_product_subtotal: _Money | None = None
    shipping: _Money | None = None
    amount_tax: _Money | None = None
    total: _Money | None = None
    selling_fee: _Money | None = None
    bump_fee: _Money | None = None
    direct_checkout_fee: _Money | None = None
    buyer_id: Text = ""
    buyer_name: str = ""
    buyer_first_name: str = ""
    buyer_last_name: str = ""
    shipping_address: _Address | None = None
    shipping_method: str = ""
    local_pickup: bool = False
    shipping_provider: str = ""
    shipping_code: Text = ""
    links: _Links = Field(_Links(), alias="_links")


class _Page(Part):
    total: int = 0
    orders: list[dict[str, Any]] = []
    links: dict[str, Any] = Field({}, alias="_links")


def order(body: object) -> ReverbOrder:
    """Return the picture of an order. Raises Passing when it is not one."""
    try:
        found = _Order.model_validate(body)
    except ValidationError as error:
        where = ".".join(map(str, error.errors()[0]["loc"]))
        raise Passing(f"Reverb's answer could not be read as an order at {where}.") from None
    placed_at = found.created_at or found.paid_at or found.updated_at
    if placed_at is None:
        raise Passing("Reverb's answer could not be read as an order: it has no date.")
    fees = [one.amount for one in (found.selling_fee, found.bump_fee, found.direct_checkout_fee) if one]
    money = found.amount_product or found.total or _Money()
    web = found.links.web.href
    return ReverbOrder(
        number=found.order_number,
        listing_id=found.product_id or id_in(found.links.listing.href),
        sku=found.sku.strip(),
        title=found.title,
        quantity=max(1, found.quantity),
        status=found.status,
        placed_at=_aware(placed_at),
        updated_at=_aware(found.updated_at or placed_at),
        paid_at=_aware(found.paid_at) if found.paid_at else None,
        bundle_id=found.order_bundle_id,
        currency=money.currency,
        product_amount=_amount(found.amount_product_subtotal or found.amount_product),
        shipping=_amount(found.shipping),
        tax=_amount(found.amount_tax),
        total=_amount(found.total),
        fees=sum(fees, Decimal(0)) if fees else None,
        buyer=found.buyer_name or f"{found.buyer_first_name} {found.buyer_last_name}".strip(),
        buyer_id=found.buyer_id,
        address=_address(found),
        local_pickup=found.local_pickup or found.shipping_method == "local",
        shipping_method=found.shipping_method,
        provider=found.shipping_provider,
        tracking_number=found.shipping_code,
        web_url=web if web.startswith(("https://", "http://")) else "",
    )


def page(body: object) -> tuple[list[ReverbOrder], str]:
    """Return the orders of a page, and the link to the next page ("" on the last). Raises Passing."""
    try:
        found = _Page.model_validate(body)
    except ValidationError:
        raise Passing("Reverb's answer could not be read as a page of orders.") from None
    following = found.links.get("next")
    href = following.get("href") if isinstance(following, dict) else None
    return [one for row in found.orders if (one := _readable(row)) is not None], str(href or "")


def _readable(row: dict[str, Any]) -> ReverbOrder | None:
    """Return an order, None for one that cannot be read: it must not keep us from all others."""
    try:
        return order(row)
    except Passing as error:
        logger.warning("%s It is left out.", error)
        return None


def _amount(money: _Money | None) -> Decimal | None:
    return money.amount if money else None


def _aware(moment: datetime) -> datetime:
    """A date without an offset is taken for UTC; Reverb's carry one."""
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


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
