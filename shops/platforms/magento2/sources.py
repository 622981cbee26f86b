"""Find the sources that a website sells from, and choose which of them to change.

Facts: magento/inventory. A website is served by one stock, which draws on sources in an order; a disabled source sells
nothing. The default source cannot be linked to another stock (seen on 2.4.7: 400), and older products keep a row in it
that sells nothing. Without the inventory modules, these routes are missing, and each product has one number.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypedDict

from shops.platforms.errors import StoreError, TransientStoreError
from shops.platforms.magento2 import batches, store_cache
from shops.platforms.magento2.rest import STORE, Rest
from shops.platforms.reading import each, valid
from shops.platforms.values import Unread
from shops.schemas import Part, Text, Units

#: A store that had sources still has them, whatever one answer says.
HAD_THEM_S = 30 * 24 * 3600
MODULE = "Magento_Inventory"


class StockSources(TypedDict):
    """The website's stock: its id, and the codes of its enabled sources in their order.

    `whole`: all of them could be read.
    """

    stock_id: str
    sources: list[str]
    whole: bool


@dataclass(frozen=True)
class SourceItem:
    """A product's quantity in a source; `sku` is spelled as in that row."""

    code: str
    sku: str
    quantity: float
    in_stock: bool = True


class _Stock(Part):
    stock_id: Text


class _Link(Part):
    source_code: Text
    priority: Units = 1


class _Source(Part):
    source_code: Text
    enabled: bool = True


class _Row(Part):
    sku: Text
    source_code: Text
    quantity: float = 0
    status: Units = 1


# -- which sources -------------------------------------------------------------------------------------------------


def stock_sources(rest: Rest, website: str) -> StockSources | None:
    """Return the sources of a website's stock, None if the store has one number per product. Raise StoreError."""
    known = f"magento2:sources2:{rest.address}:{website}"
    before: list[str] | None = store_cache.recall(known)
    if before is None and not _has_modules(rest):
        return None
    stock = valid(_Stock, rest.get(f"/inventory/stock-resolver/website/{website}"), "Magento's stock")
    found = _drawn_on(rest, stock.stock_id)
    if not found["sources"] or set(before or ()) - set(found["sources"]):
        # One list without a source proves nothing, and its units would go off sale.
        found = _drawn_on(rest, stock.stock_id)
    store_cache.remember(known, found["sources"], HAD_THEM_S)
    return found


def _drawn_on(rest: Rest, stock_id: str) -> StockSources:
    """Return the sources that a stock draws on. Raise TransientStoreError if they cannot be read."""
    rows = rest.every("/inventory/stock-source-links", [("stock_id", "eq", stock_id)], sort="", whole=True)
    links, unread = each(rows, lambda row: valid(_Link, row, "Magento's link"), key="source_code")
    rows = rest.every("/inventory/sources", sort="", whole=True)
    sources, more = each(rows, lambda row: valid(_Source, row, "Magento's source"), key="source_code")
    if (unread and not links) or (more and not sources):
        raise TransientStoreError(f"{STORE}'s sources could not be read.")
    enabled = {one.source_code for one in sources if one.enabled}
    links.sort(key=lambda one: one.priority or 0)
    drawn = [one.source_code for one in links if one.source_code in enabled]
    return StockSources(stock_id=stock_id, sources=drawn, whole=not (unread or more))


def _has_modules(rest: Rest) -> bool:
    """Return whether the inventory modules exist. One missing route proves nothing: a deployment looks the same.

    Raise TransientStoreError if that is unknown.
    """
    if not all(rest.lacks_route(path) for path in ("/inventory/sources", "/inventory/stocks")):
        return True
    try:
        modules: Any = rest.get("/modules")
    except StoreError:  # the keys may not read it
        modules = None
    if isinstance(modules, list) and MODULE in modules:
        raise TransientStoreError(f"{STORE} does not serve its inventory just now.")
    return False


# -- what lies there -----------------------------------------------------------------------------------------------


def read(rest: Rest, skus: Sequence[object], drawn: Sequence[str]) -> tuple[list[SourceItem], list[Unread]]:
    """Return the products' quantities in the sources `drawn`, and those that could not be read, by SKU.

    Raise StoreError.
    """
    rows, failed = batches.every(rest, "/inventory/source-items", "sku", skus, sort="", whole=True)
    mine = [row for row in rows if not isinstance(row, dict) or str(row.get("source_code")) in ("None", *drawn)]
    found, unread = each(mine, lambda row: valid(_Row, row, "Magento's source item"), key="sku")
    unread += [Unread(sku, words) for sku, words in failed.items()]
    return [SourceItem(one.source_code, one.sku, one.quantity, one.status == 1) for one in found], unread


def named(items: Sequence[SourceItem]) -> str:
    """Return rows as text, by which a change detects whether they are still the same."""
    rows = (f"{one.code}={one.quantity:g}{'' if one.in_stock else ' out of stock'}" for one in items)
    return ", ".join(sorted(rows))


# -- what is changed -----------------------------------------------------------------------------------------------


def taken(items: Sequence[SourceItem], units: int) -> list[SourceItem]:
    """Return the rows after taking units, from one source if it has them all, else from several in order.

    Rows marked as out of stock are not on sale, so taking from them would change nothing. If there are too few units,
    all of them are taken.
    """
    selling = [one for one in items if one.in_stock]
    one_has_all = [one for one in selling if one.quantity >= units]
    changed, left = [], units
    for item in one_has_all[:1] or selling:
        part = min(left, int(max(0.0, item.quantity)))
        if part:
            changed.append(SourceItem(item.code, item.sku, item.quantity - part, item.in_stock))
            left -= part
    return changed


def added(items: Sequence[SourceItem], units: int) -> list[SourceItem]:
    """Return the row after adding units: to a source that has some, else to the first one that lists the product."""
    selling = [one for one in items if one.in_stock and one.quantity > 0]
    item = next(iter([*selling, *items]), None)
    if item is None:
        return []
    # A seller may have marked it as out of stock by hand; only an empty source is marked in stock again.
    wakes = item.in_stock or item.quantity <= 0
    return [SourceItem(item.code, item.sku, item.quantity + units, wakes)]


def write(rest: Rest, items: Sequence[SourceItem]) -> None:
    """Set rows in one call. Raise StoreError, with `may_have_applied` if the answer is not `[]`, a success."""
    rows = [
        {"sku": one.sku, "source_code": one.code, "quantity": one.quantity, "status": int(one.in_stock)}
        for one in items
    ]
    if not isinstance(rest.written("POST", "/inventory/source-items", {"sourceItems": rows}), list):
        raise TransientStoreError(f"{STORE}'s answer to a change of stock could not be read.", may_have_applied=True)
