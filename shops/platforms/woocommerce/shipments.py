"""Shipments and refunds of WooCommerce orders, as plug-ins note them."""

from __future__ import annotations

from typing import Any

from shops.orders import Shipment
from shops.platforms.woocommerce.fields import Pairs
from shops.platforms.woocommerce.orders import Order, whole
from shops.schemas import Part

TRACKING = "_wc_shipment_tracking_items"


def shipments(order: Order) -> list[Shipment]:
    """Return the parcels that the Shipment Tracking extension saved in the order."""
    rows = order.meta(TRACKING)
    return [
        Shipment(
            str(row.get("tracking_id") or n),
            order.id,
            _text(row.get("tracking_provider")) or _text(row.get("custom_tracking_provider")),
            _text(row["tracking_number"]),
            _text(row.get("custom_tracking_link")),
        )
        for n, row in enumerate(_dicts(rows))
        if _text(row.get("tracking_number"))
    ]


def fulfillments(order_id: str, rows: Any) -> list[Shipment]:
    """Return the parcels of WooCommerce's own order fulfilments (beta since 2025-09; seen on WooCommerce 11).

    `is_fulfilled` is "1" or true once the parcel has shipped; before that it is a draft.
    """
    found = []
    for row in _dicts(rows):
        if row.get("is_fulfilled", "1") in (False, "", "0", 0):
            continue
        meta = dict(_Meta.model_validate(row).meta_data)
        if _text(meta.get("_tracking_number")):
            values = (_text(meta.get(key)) for key in ("_shipment_provider", "_tracking_number", "_tracking_url"))
            found.append(Shipment(str(row.get("id")), order_id, *values))
    return found


def refunded(rows: Any) -> dict[str, int]:
    """Return line id → refunded units from an order's refunds, whose quantities are negative."""
    found: dict[str, int] = {}
    for refund in _dicts(rows):
        for line in _dicts(refund.get("line_items")):
            key = _text(dict(_Meta.model_validate(line).meta_data).get("_refunded_item_id")) or _text(line.get("id"))
            found[key] = found.get(key, 0) + whole(str(line.get("quantity") or 0).lstrip("-"))
    return found


class _Meta(Part):
    meta_data: Pairs = []


def _dicts(rows: Any) -> list[dict[str, Any]]:
    """Return the objects of a list, which PHP may also send as an object."""
    listed = list(rows.values()) if isinstance(rows, dict) else rows
    return [row for row in listed if isinstance(row, dict)] if isinstance(listed, list) else []


def _text(value: Any) -> str:
    return str(value).strip() if isinstance(value, str | int) and not isinstance(value, bool) else ""
