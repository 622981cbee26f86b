"""What we write into an order for WooCommerce, and what we read out of one."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from shops.orders import NewOrder, OrderLine
from shops.platforms.woocommerce import order_body, orders, product_units, products, shipments, units_held
from shops.snapshots import StoreProduct

LINE = OrderLine("1", "12", "A1", "Strat – Sunburst", 2, Decimal("100.00"))


def body(*lines: OrderLine, **changes: Any) -> dict[str, Any]:
    """Return what is posted for a Reverb order of some lines; 12 is a variation of 11."""
    said: dict[str, Any] = {
        "currency": "USD",
        "buyer": "Bob",
        "address": None,
        "shipping": Decimal(25),
        "tax": Decimal(0),
    }
    return order_body.body(NewOrder("R-1", lines, **{**said, **changes}), {"12": "11"})


def marks(made: dict[str, Any]) -> dict[str, str]:
    """Return the meta data of an order."""
    return {one["key"]: one["value"] for one in made["meta_data"]}


def order(line: dict[str, Any], *meta: tuple[str, str]) -> orders.Order:
    """Return an order as the store shows it."""
    row = {"id": 5, "quantity": 2, "product_id": 11, "variation_id": 12, **line}
    marked = [{"id": 1, "key": key, "value": value} for key, value in meta]
    return orders.read({"id": 1, "status": "processing", "line_items": [row], "meta_data": marked})


def variation() -> StoreProduct:
    """Return the variation that the orders are about."""
    row = {"id": 12, "parent_id": 11, "type": "variation", "manage_stock": True, "stock_quantity": 3, "price": "1.00"}
    parent = products.read_item({"id": 11, "type": "variable"})
    [unit] = product_units.units(parent, [products.read_item(row)], currency="USD", admin="https://w.test/wp-admin")
    return unit


def test_a_line_names_the_variation_and_its_product() -> None:
    [line] = body(LINE)["line_items"]
    assert (line["product_id"], line["variation_id"], line["quantity"], line["total"]) == (11, 12, 2, "200.00")


def test_units_that_were_taken_already_are_named_and_marked_as_taken() -> None:
    made = body(LINE, takes_stock=False)
    assert made["line_items"][0]["variation_id"] == 12
    assert marks(made)["_order_stock_reduced"] == "yes"
    assert "_order_stock_reduced" not in marks(body(LINE))


def test_no_tax_is_put_on_top_of_what_the_buyer_paid_on_reverb() -> None:
    made = body(LINE, tax=Decimal("8.25"))
    assert marks(made)["is_vat_exempt"] == "yes"
    assert made["fee_lines"] == [{"name": "Tax collected by Reverb", "total": "8.25", "tax_status": "none"}]


def test_what_names_no_product_is_a_fee_since_no_line_may_be_without_one() -> None:
    made = body(OrderLine("1", "", "X9", "Case", 2, Decimal("10.00")))
    assert made["line_items"] == []
    assert made["fee_lines"] == [{"name": "Case (X9) × 2", "total": "20.00", "tax_status": "none"}]


def test_what_the_store_no_longer_has_is_a_fee_since_its_line_would_have_no_name() -> None:
    made = body(OrderLine("1", "99", "X9", "Case", 2, Decimal("10.00")))
    assert made["line_items"] == []
    assert made["fee_lines"] == [{"name": "Case (X9) × 2", "total": "20.00", "tax_status": "none"}]


TOOK = {"meta_data": [{"id": 7, "key": "_reduced_stock", "value": "1", "display_value": "1"}]}


def test_a_line_says_what_it_took_from_the_stock() -> None:
    assert units_held.taken(order(TOOK), units_held.Stock(variation()), by_mark=True) == 1
    assert units_held.taken(order({}), units_held.Stock(variation()), by_mark=True) == 0
    assert units_held.taken(order({**TOOK, "variation_id": 13}), units_held.Stock(variation()), by_mark=True) == 0


def test_where_a_plug_in_hides_that_the_orders_status_and_quantity_have_to_do() -> None:
    assert units_held.taken(order({}), units_held.Stock(variation()), by_mark=False) == 2


def test_our_own_order_for_units_that_were_taken_already_took_none() -> None:
    assert units_held.taken(order({}, (orders.NUMBER, "R-1")), units_held.Stock(variation()), by_mark=False) == 0


def test_a_parcel_counts_once_it_has_gone() -> None:
    def row(gone: object) -> dict[str, Any]:
        meta = {"_tracking_number": "1Z999", "_shipment_provider": "ups", "_tracking_url": "https://ups.test/1Z999"}
        rows = [{"id": n, "key": key, "value": value} for n, (key, value) in enumerate(meta.items())]
        return {"id": 1, "entity_id": "115", "status": "fulfilled", "is_fulfilled": gone, "meta_data": rows}

    [parcel] = shipments.fulfillments("115", [row("1")])
    assert (parcel.carrier, parcel.tracking_number, parcel.tracking_url) == ("ups", "1Z999", "https://ups.test/1Z999")
    assert shipments.fulfillments("115", [row("0"), row(False)]) == []
