"""Locations of a store, and their stock, which is adjusted on hand.

Facts: developer docs, "Locations" and "Inventory". The shop field `locations` adds more to the default one. A variant's
`elsewhere` has the units by location, its `safety_stock` the safety stock; "off" marks it as out of stock.
"""

from __future__ import annotations

from sandbox.common.keep import Doc

DEFAULT = 1
FLAGS = {"enabled": True, "storefront_visibility": True, "managed_by_external_source": False}


def of(shop: Doc) -> list[Doc]:
    """Return the store's locations, the default one first."""
    rows = shop.get("locations") or [{"id": DEFAULT}]
    return [
        {"code": f"BC-LOCATION-{row['id']}", "label": f"Location {row['id']}", "type_id": "PHYSICAL", **FLAGS, **row}
        for row in rows
    ]


def on_hand(variant: Doc, location: int) -> int:
    """Return the units of a variant on hand at a location."""
    return int(variant["inventory_quantity"] if location == DEFAULT else _elsewhere(variant).get(str(location), 0))


def safety_stock(variant: Doc, location: int) -> int:
    """Return the units that the location does not sell."""
    kept = _safety_stocks(variant).get(str(location), 0)
    return 0 if kept == "off" else int(kept)


def item(shop: Doc, product: Doc, variant: Doc) -> Doc:
    """Return a variant's inventory at the default location, and at each other location that has any."""
    rows = [row for row in of(shop) if row["id"] == DEFAULT or str(row["id"]) in _elsewhere(variant)]
    return {
        "identity": {"sku": variant["sku"], "variant_id": variant["id"], "product_id": product["id"], "sku_id": None},
        "locations": [_at(row, variant) for row in rows],
    }


def _at(row: Doc, variant: Doc) -> Doc:
    safety, there = safety_stock(variant, row["id"]), on_hand(variant, row["id"])
    on_sale = _safety_stocks(variant).get(str(row["id"])) != "off"
    return {
        "location_id": row["id"],
        "location_code": row["code"],
        "location_name": row["label"],
        "location_enabled": row["enabled"],
        "available_to_sell": there - safety,
        "total_inventory_onhand": there,
        "settings": {"safety_stock": safety, "is_in_stock": on_sale, "warning_level": 0, "bin_picking_number": ""},
    }


def moved(variant: Doc, location: int, by: int) -> Doc:
    """Return the changed fields of a variant when `by` units are added at a location."""
    if location == DEFAULT:
        return {"inventory_quantity": int(variant["inventory_quantity"]) + by}
    there = on_hand(variant, location) + by
    return {"elsewhere": {**_elsewhere(variant), str(location): there}}


def _elsewhere(variant: Doc) -> Doc:
    return dict(variant.get("elsewhere") or {})


def _safety_stocks(variant: Doc) -> Doc:
    return dict(variant.get("safety_stock") or {})
