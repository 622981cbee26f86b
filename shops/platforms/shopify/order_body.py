"""The body of an order that we create in Shopify."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from shops.orders import NewOrder, OrderLine


def body(order: NewOrder) -> dict[str, Any]:
    """Return an OrderCreateOrderInput: paid on Reverb, marked with its number."""
    total = sum((line.price * line.quantity for line in order.lines), order.shipping + order.tax)
    made: dict[str, Any] = {
        "currency": order.currency,
        "sourceName": "Reverb",
        "sourceIdentifier": order.reverb_number,
        "tags": ["Reverb"],
        "note": order.note or f"Reverb order {order.reverb_number}, {order.buyer}",
        "financialStatus": "PAID",
        "lineItems": [_line(line, order.currency) for line in order.lines],
        "shippingLines": [{"title": "Reverb", "priceSet": _money(order.shipping, order.currency)}],
        "transactions": [
            {"kind": "SALE", "status": "SUCCESS", "gateway": "Reverb", "amountSet": _money(total, order.currency)}
        ],
    }
    if order.tax:
        taxed = total - order.tax
        line = {
            "title": "Tax collected by Reverb",
            "rate": f"{order.tax / taxed if taxed else 0:.4f}",
            "priceSet": _money(order.tax, order.currency),
            "channelLiable": True,
        }
        made["taxLines"] = [line]
    if order.address is not None:
        made["shippingAddress"] = _address(order)
    return made


def options(order: NewOrder) -> dict[str, Any]:
    """Return how the order treats stock and mail: nobody is mailed."""
    takes = "DECREMENT_IGNORING_POLICY" if order.takes_stock else "BYPASS"
    return {"inventoryBehaviour": takes, "sendReceipt": False, "sendFulfillmentReceipt": False}


def _line(line: OrderLine, currency: str) -> dict[str, Any]:
    made: dict[str, Any] = {"quantity": line.quantity, "priceSet": _money(line.price, currency)}
    if line.store_product_id:
        made["variantId"] = f"gid://shopify/ProductVariant/{line.store_product_id}"
    else:
        made |= {"title": line.title, "sku": line.sku}
    return made


def _money(amount: Decimal, currency: str) -> dict[str, Any]:
    return {"shopMoney": {"amount": f"{amount:.2f}", "currencyCode": currency}}


def _address(order: NewOrder) -> dict[str, str]:
    assert order.address is not None  # noqa: S101 -- the caller has looked
    where = order.address
    first, _, last = where.name.rpartition(" ")
    made = {
        "firstName": first,
        "lastName": last,
        "address1": where.street,
        "address2": where.extra,
        "city": where.city,
        "zip": where.postal_code,
        "countryCode": where.country,
        "provinceCode": where.region,
        "phone": where.phone,
    }
    return {name: value for name, value in made.items() if value}
