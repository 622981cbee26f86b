"""The body of an order that we create in WooCommerce."""

from __future__ import annotations

from typing import Any

from shops.orders import NewOrder, OrderLine
from shops.platforms.woocommerce.orders import NUMBER, PAID_BY


def body(order: NewOrder, parents: dict[str, str]) -> dict[str, Any]:
    """Return the order to POST. `parents` maps each sold item to its product, a product to itself.

    WooCommerce takes the units from the stock when an order is created as `processing`, unless the order is marked as
    having done so. Items without a product become fees, since WooCommerce refuses such lines. So do items that the
    store no longer has, which would become lines without a name.
    """
    known = [line for line in order.lines if line.store_product_id in parents]
    marks = {NUMBER: order.reverb_number, "is_vat_exempt": "yes"}
    if not order.takes_stock:
        marks["_order_stock_reduced"] = "yes"
    made: dict[str, Any] = {
        "status": "processing",
        "set_paid": True,
        "currency": order.currency,
        "payment_method": PAID_BY,
        "payment_method_title": "Reverb",
        "transaction_id": order.reverb_number,
        "customer_note": order.note,
        "line_items": [_line(line, parents[line.store_product_id]) for line in known],
        "fee_lines": [_fee(f"{x.title} ({x.sku}) × {x.quantity}", _sum(x)) for x in order.lines if x not in known],
        "shipping_lines": [{"method_id": "flat_rate", "method_title": "Reverb", "total": f"{order.shipping:.2f}"}],
        "meta_data": [{"key": key, "value": value} for key, value in marks.items()],
    }
    if order.tax:
        made["fee_lines"].append(_fee("Tax collected by Reverb", f"{order.tax:.2f}"))
    if order.address is not None:
        made["shipping"] = made["billing"] = _address(order)
    return made


def _line(line: OrderLine, parent: str) -> dict[str, Any]:
    made: dict[str, Any] = {"quantity": line.quantity, "subtotal": _sum(line), "total": _sum(line)}
    made["product_id"] = int(parent)
    if parent != line.store_product_id:
        made["variation_id"] = int(line.store_product_id)
    return made


def _sum(line: OrderLine) -> str:
    return f"{line.price * line.quantity:.2f}"


def _fee(name: str, total: str) -> dict[str, str]:
    return {"name": name, "total": total, "tax_status": "none"}


def _address(order: NewOrder) -> dict[str, str]:
    assert order.address is not None  # noqa: S101 -- the caller has looked
    where = order.address
    first, _, last = where.name.rpartition(" ")
    return {
        "first_name": first,
        "last_name": last,
        "address_1": where.street,
        "address_2": where.extra,
        "city": where.city,
        "state": where.region,
        "postcode": where.postal_code,
        "country": where.country,
        "phone": where.phone,
    }
