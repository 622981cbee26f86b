"""Reverb's JSON: a listing as read, a page of a collection, an order (formats seen live in 2026)."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from decimal import Decimal
from typing import Any
from urllib.parse import urlencode

from sandbox.common.keep import Doc
from sandbox.reverb import rules
from sandbox.reverb.market import Market

SYMBOLS = {"USD": "$", "EUR": "€", "GBP": "£"}
#: Time zone of Reverb's dates: written with an offset, in whole seconds (docs: samples).
ZONE = timezone(timedelta(hours=-6))
#: Amounts also shown in the buyer's currency, which is always the seller's in this stand-in.
PRESENTED = ("amount_product", "amount_product_subtotal", "amount_tax", "total")
WORDS = {"live": "Live", "draft": "Draft", "ended": "Ended", "sold": "Sold", "ordered": "Ordered"}


def listing(market: Market, api: str, doc: Doc, *, all_photos: bool = True) -> Doc:
    """Return a listing as GET responds. `upc` was never seen in a response."""
    photos = doc["photos"] if market.clock.now() >= doc["photos_at"] else []
    slug = rules.slug(doc)
    own = f"{api}/listings/{slug}"
    used_live = not rules.several(doc) and doc["state"] == "live"
    return {
        "id": doc["id"],
        "slug": slug,
        **{name: doc[name] for name in ("make", "model", "finish", "year", "title", "description", "sku")},
        "created_at": stamp(doc["created_at"]),
        "published_at": stamp(doc["published_at"]),
        "shop_name": (market.account(doc["account"]) or {}).get("shop_name", ""),
        "condition": _condition(doc["condition"]),
        "price": price(doc["price"]),
        "listing_currency": (doc["price"] or {}).get("currency"),
        "inventory": 1 if used_live else doc["inventory"],
        "has_inventory": doc["has_inventory"],
        "offers_enabled": doc["offers_enabled"],
        "auction": False,
        "categories": [_category(uuid) for uuid in doc["categories"]],
        "state": {"slug": doc["state"], "description": WORDS.get(doc["state"], doc["state"].title())},
        "shipping_profile_id": doc["shipping_profile_id"],
        "shipping": {"local": False, "rates": []},
        "stats": {"views": 0, "watches": 0},
        "photos": [_photo(link) for link in (photos if all_photos else photos[:1])],
        "_links": {
            "self": {"href": own},
            "update": {"method": "PUT", "href": own},
            "end": {"method": "PUT", "href": f"{api}/my/listings/{slug}/state/end"},
            "web": {"href": f"{market.web}/item/{slug}"},
            "edit": {"href": f"{own}/edit"},
        },
    }


def page(rows: list[Doc], *, name: str, address: str, query: dict[str, Any], number: int, size: int) -> Doc:
    """Return one page of a collection with HAL links. At most 50 rows a page; larger sizes become 50 (seen live)."""
    size = min(max(1, size), 50)
    pages = max(1, -(-len(rows) // size))
    links = {}
    for rel, other in (("prev", number - 1), ("next", number + 1)):
        if 1 <= other <= pages:
            links[rel] = {"href": f"{address}?{urlencode({**query, 'page': other, 'per_page': size})}"}
    return {
        "total": len(rows),
        "current_page": number,
        "per_page": size,
        "total_pages": pages,
        name: rows[(number - 1) * size : number * size],
        "_links": links,
    }


def order(market: Market, api: str, doc: Doc) -> Doc:
    """Return an order as the seller's lists and the order's own address show it (docs: retrieve orders, samples).

    It has no address for local pickup or before payment, and no e-mail address (seen by Reverb's own plugins).
    """
    buyer, currency = doc["buyer"], doc["money"]["currency"]
    name = f"{buyer['first_name']} {buyer['last_name']}".strip()
    method = "local" if doc["local_pickup"] else "shipped"
    shipped = {"shipping_provider": doc["provider"], "shipping_code": doc["tracking_number"]} if doc["provider"] else {}
    amounts = {key: value for key, value in doc["money"].items() if key != "currency"}
    return {
        **{key: doc[key] for key in ("order_number", "order_bundle_id", "uuid", "order_type", "status", "sku")},
        **{key: doc[key] for key in ("title", "quantity", "local_pickup")},
        "order_source": "marketplace",
        "product_id": str(doc["listing"]),
        **{key: price({"amount": amount, "currency": currency}) for key, amount in amounts.items()},
        **{f"presentment_{key}": price({"amount": amounts[key], "currency": currency}) for key in PRESENTED},
        **{key: price({"amount": "0.00", "currency": currency}) for key in ("bump_fee", "tax_on_fees")},
        "shipping_taxed": False,
        "buyer_id": buyer["id"],
        "buyer_name": name,
        "buyer_first_name": buyer["first_name"],
        "buyer_last_name": buyer["last_name"],
        "shipping_method": method,
        "shipping_address": None if doc["local_pickup"] or not doc["paid_at"] else _address(buyer["address"], name),
        "payment_method": "direct_checkout",
        **shipped,
        "created_at": stamp(doc["created_at"]),
        "updated_at": stamp(doc["updated_at"]),
        "paid_at": stamp(doc["paid_at"]),
        "shipped_at": stamp(doc["shipped_at"]),
        "shipping_date": stamp(doc["shipped_at"]),
        "shipment_status": "in_transit" if doc["status"] == "shipped" else None,
        "order_notes": [],
        "needs_feedback_for_buyer": False,
        "needs_feedback_for_seller": False,
        "photos": [_photo(link) for link in doc["photos"]],
        "_links": _order_links(market, api, doc),
    }


def _order_links(market: Market, api: str, doc: Doc) -> Doc:
    own = f"{api}/my/orders/selling/{doc['order_number']}"
    page = f"{market.web}/my/selling/orders/{doc['order_number']}"
    links: Doc = {
        "self": {"href": own},
        "listing": {"href": f"{api}/listings/{doc['listing']}"},
        "payments": {"href": f"{api}/my/payments/selling?order_id={doc['order_number']}"},
        "web": {"href": page},
        "web_listing": {"href": f"{market.web}/item/{doc['listing']}"},
        "packing_slip": {"web": {"href": f"{page}/packing_slip"}},
        "contact_buyer": {"web": {"href": f"{page}/contact"}},
    }
    if doc["tracking_number"]:
        links["web_tracking"] = {"href": f"{page}/tracking"}
    if doc["photos"]:
        links["photo"] = {"href": doc["photos"][0]}
    if doc["status"] == "paid":
        word = "mark_picked_up" if doc["local_pickup"] else "ship"
        links[word] = {"method": "POST", "href": f"{own}/{word}"}
    return links


def _address(kept: Doc, name: str) -> Doc:
    phone = str(kept.get("phone", ""))
    lines = [kept.get("street_address", ""), kept.get("extended_address", "")]
    town = f"{kept.get('locality', '')}, {kept.get('region', '')} {kept.get('postal_code', '')}"
    return {
        "id": 1,
        "name": name,
        **kept,
        "unformatted_phone": "".join(sign for sign in phone if sign.isdigit()),
        "display_location": f"{kept.get('locality', '')}, {kept.get('region', '')}",
        "complete_shipping_address": "\n".join(line for line in (name, *lines, town) if line),
        "primary": True,
    }


def stamp(at: float | None) -> str | None:
    """Return a time as Reverb writes it, None for none."""
    return None if at is None else datetime.fromtimestamp(int(at), ZONE).isoformat()


def price(doc: Doc | None) -> Doc | None:
    """Return money as Reverb writes it."""
    if doc is None:
        return None
    amount, symbol = Decimal(doc["amount"]), SYMBOLS.get(doc["currency"], doc["currency"] + " ")
    return {
        "amount": f"{amount:.2f}",
        "amount_cents": int(amount * 100),
        "currency": doc["currency"],
        "symbol": symbol,
        "display": f"{symbol}{amount:,.2f}",
    }


def _condition(uuid: str) -> Doc | None:
    if not uuid:
        return None
    name = rules.CONDITIONS[uuid]
    return {"uuid": uuid, "display_name": name, "slug": name.lower().replace(" ", "-")}


def _category(uuid: str) -> Doc:
    return {"uuid": uuid, "full_name": rules.CATEGORIES[uuid]["full_name"]}


def _photo(link: str) -> Doc:
    return {"_links": {size: {"href": link} for size in ("large_crop", "small_crop", "full", "thumbnail")}}
