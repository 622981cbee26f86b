"""The body of an order that we create in Magento: buyer, lines, totals and the ways to ship and pay."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from shops.orders import NewOrder, OrderLine
from shops.platforms.magento2.forms import valid_order
from shops.platforms.magento2.regions import Region
from shops.platforms.reading import each
from shops.schemas import Money, Part, Side

#: Characters that Magento accepts in a name besides letters and digits (Customer\Model\Validator\Name).
NAMES_HOLD = ",-_.'"


class Way(Part):
    """A shipping method that the store offers for an address."""

    carrier_code: str
    method_code: str
    amount: Money = Decimal(0)
    available: Side[bool] = True


def mail_of(reverb_number: str) -> str:
    """Return the made-up e-mail address that marks an order."""
    return f"reverb-{reverb_number}@example.com"


def ways(said: Any) -> list[Way]:
    """Return the available shipping methods, the cheapest first."""
    found, _ = each(said if isinstance(said, list) else [], lambda row: valid_order(Way, row), key="carrier_code")
    return sorted((one for one in found if one.available), key=lambda one: one.amount)


def address(order: NewOrder) -> dict[str, Any]:
    """Return the buyer's address with all fields that Magento requires."""
    where = order.address
    name = "".join(one if one.isalnum() or one in NAMES_HOLD else " " for one in (where.name if where else order.buyer))
    first, _, last = " ".join(name.split())[:200].rpartition(" ")
    made: dict[str, Any] = {
        "email": mail_of(order.reverb_number),
        "firstname": first or last or "Reverb",
        "lastname": last if first else "Buyer",
        "street": ["Local pickup"],
        "city": "Local pickup",
        "postcode": "00000",
        "country_id": "US",
        "telephone": "0",
    }
    if where is not None:
        made |= {
            "street": [line for line in (where.street, where.extra) if line],
            "city": where.city,
            "postcode": where.postal_code,
            "country_id": where.country,
            "telephone": where.phone or "0",
        }
        made |= {"region": where.region} if where.region else {}
    return made


def body(order: NewOrder, *, store_id: int, way: Way | None) -> dict[str, Any]:
    """Return the body of a directly created order, which reserves nothing, since its units were already taken.

    It has all fields that the admin needs to open, invoice, ship and refund it. `way` is the store's shipping method,
    None if it does not ship to that address.
    """
    where = address(order)
    method = f"{way.carrier_code}_{way.method_code}" if way else "flatrate_flatrate"
    amounts = _amounts(order)
    entity: dict[str, Any] = {
        "state": "processing",
        "status": "processing",
        "store_id": store_id,
        "ext_order_id": order.reverb_number,
        "customer_email": where["email"],
        "customer_firstname": where["firstname"],
        "customer_lastname": where["lastname"],
        "customer_is_guest": 1,
        "customer_group_id": 0,
        "is_virtual": 0,
        "total_item_count": len(order.lines),
        "total_qty_ordered": sum(line.quantity for line in order.lines),
        "shipping_description": "Reverb",
        "items": [_row(line, store_id) for line in order.lines],
        "billing_address": {**where, "address_type": "billing"},
        "payment": {"method": "checkmo", "amount_ordered": _money(amounts["grand_total"])},
        "status_histories": [comment(order)],
        "extension_attributes": {
            "shipping_assignments": [{"shipping": {"address": {**where, "address_type": "shipping"}, "method": method}}]
        },
    }
    for name in ("order", "base", "store", "global"):
        entity[f"{name}_currency_code"] = order.currency
    for rate in ("base_to_global_rate", "base_to_order_rate", "store_to_base_rate", "store_to_order_rate"):
        entity[rate] = 1
    return {"entity": entity | _both(amounts)}


def _amounts(order: NewOrder) -> dict[str, Decimal]:
    goods = sum((line.price * line.quantity for line in order.lines), Decimal(0))
    return {
        "subtotal": goods,
        "subtotal_incl_tax": goods,
        "shipping_amount": order.shipping,
        "shipping_incl_tax": order.shipping,
        "tax_amount": order.tax,
        "discount_amount": Decimal(0),
        "grand_total": goods + order.shipping + order.tax,
        "total_due": goods + order.shipping + order.tax,
    }


def comment(order: NewOrder, entered: Region | None = None) -> dict[str, Any]:
    """Return the note for an order's history; nobody is mailed about it.

    `entered`: the region that replaced a missing or unknown one in the address.
    """
    note = order.note or f"Reverb order {order.reverb_number}"
    if entered is not None and order.address is not None:
        region = f"names {order.address.region} as its region" if order.address.region else "names no region"
        note += f" The buyer's address {region}; Magento requires one of its list, so {entered['name']} was entered."
    return remark(note)


def cancelled(order_id: str) -> dict[str, Any]:
    """Return the body that marks an order as cancelled without Magento's cancellation (POST orders saves any field)."""
    return {"entity": {"entity_id": int(order_id), "state": "canceled", "status": "canceled"}}


def remark(words: str) -> dict[str, Any]:
    """Return a comment for an order's history."""
    return {"comment": words, "is_customer_notified": 0, "is_visible_on_front": 0, "parent_id": 0}


def _row(line: OrderLine, store_id: int) -> dict[str, Any]:
    whole = line.price * line.quantity
    made: dict[str, Any] = {
        "store_id": store_id,
        "sku": line.sku,
        "name": line.title,
        "qty_ordered": line.quantity,
        "product_type": "simple",
        "is_virtual": 0,
    }
    if line.store_product_id:
        made["product_id"] = int(line.store_product_id)
    prices = ("price", "original_price", "price_incl_tax")
    return made | _both(dict.fromkeys(prices, line.price) | {"row_total": whole, "row_total_incl_tax": whole})


def _both(amounts: dict[str, Decimal]) -> dict[str, str]:
    """Return amounts in the order's and the store's currency, which are the same."""
    return {f"{base}{name}": _money(amount) for name, amount in amounts.items() for base in ("", "base_")}


def _money(amount: Decimal) -> str:
    return f"{amount:.2f}"
