"""Reverb's JSON: a listing as read, a page of a collection, an order (shapes seen live in 2026)."""

from __future__ import annotations

from decimal import Decimal
from typing import Any
from urllib.parse import urlencode

from sandbox.common.keep import Doc
from sandbox.reverb import rules
from sandbox.reverb.market import Market

SYMBOLS = {"USD": "$", "EUR": "€", "GBP": "£"}
WORDS = {"live": "Live", "draft": "Draft", "ended": "Ended", "sold": "Sold", "ordered": "Ordered"}


def listing(market: Market, api: str, doc: Doc, *, all_photos: bool = True) -> Doc:
    """Return a listing as GET answers it. `upc` is not among what was ever seen in an answer."""
    photos = doc["photos"] if market.clock.now() >= doc["photos_at"] else []
    slug = rules.slug(doc)
    own = f"{api}/listings/{slug}"
    used_live = not rules.several(doc) and doc["state"] == "live"
    return {
        "id": doc["id"],
        "slug": slug,
        **{name: doc[name] for name in ("make", "model", "finish", "year", "title", "description", "sku")},
        "created_at": market.clock.stamp(doc["created_at"]),
        "published_at": market.clock.stamp(doc["published_at"]) if doc["published_at"] else None,
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
    """Return one page of a collection with HAL links. At most 50 a page, more is cut to 50 (seen live)."""
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
    """Return an order of a sold listing."""
    own = f"{api}/my/orders/selling/{doc['order_number']}"
    return {
        **{name: doc[name] for name in ("order_number", "uuid", "status", "sku", "title", "quantity")},
        "order_type": "instant",
        "product_id": str(doc["listing"]),
        "amount_product": price(doc["price"]),
        "total": price(doc["price"]),
        "created_at": market.clock.stamp(doc["created_at"]),
        "updated_at": market.clock.stamp(doc["updated_at"]),
        "paid_at": market.clock.stamp(doc["created_at"]),
        "_links": {"self": {"href": own}, "listing": {"href": f"{api}/listings/{doc['listing']}"}},
    }


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
