"""Merge what was read of both sides into the ledger, by the stock rule."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, fields, replace

from listings.models import Ledger, Listing, Order, Product
from listings.stock import inputs, linking, single_unit, split_sales, store_leads, writes
from listings.stock.agreed import Agreed, Sale
from listings.stock.linking import Read
from listings.stock.merge import Merged, merge
from reverbsync.dispatch import ownership
from shops.models import SyncSettings
from shops.models.settings import StockWay
from shops.reverb.availability import OFF_SALE

_FIELDS = tuple(one.name for one in fields(Agreed))


@dataclass(frozen=True)
class Foreseen:
    """The merge of a read, and whether it brings news to the ledger or the orders."""

    merged: Merged
    news: bool


def known(row: Listing) -> Ledger | None:
    """Return the ledger of a listing, None if its stock was never agreed."""
    return Ledger.objects.filter(listing=row).first()


def foresee(ledger: Ledger, product: Product, read: Read, *, sold: bool) -> Foreseen:
    """Return what merging this read would give, and change nothing. `sold`: there may be orders to reconcile."""
    orders = list(inputs.orders_of(product, read.now)) if sold else []
    merged = _merged(ledger, orders, read)
    return Foreseen(
        merged, news=merged.undecided or _as_reckoned(ledger, orders) != (merged.agreed, _by_number(merged))
    )


def _as_reckoned(ledger: Ledger, orders: Iterable[Order]) -> tuple[Agreed, dict[str, Sale]]:
    """Return what the ledger and its orders say now, as if everything had been merged."""
    return Agreed.of(ledger), {
        one.number: replace(inputs.sale_of(one), new=False, unseen=False)
        for one in orders
        if one.reckoned == one.status
    }


def _by_number(merged: Merged) -> dict[str, Sale]:
    return {sale.number: sale for sale in merged.sales}


def is_known(ledger: Ledger, product: Product, read: Read, settings: SyncSettings, seen: Foreseen | None) -> bool:
    """Return whether `take` would save nothing new for this read. `seen` is None where the store leads."""
    if ledger.pending_adjustment is not None:
        return False
    if settings.stock_way == StockWay.STORE:
        return store_leads.to_follow(ledger, product, read, settings) is None
    return seen is not None and not seen.news


class Overtaken(Exception):
    """An order changed after the listing was read. Nothing was merged: read the listing again."""


class Undecided(Exception):
    """It is not known yet whether our last number was applied on Reverb: retry in a moment."""


def take(row: Listing, product: Product, read: Read, settings: SyncSettings) -> Ledger | None:
    """Merge a read into the ledger and return it. Raises Undecided or Overtaken, and then nothing was merged.

    Returns None if the store does not count the product. The first read only creates the ledger: the store leads, and
    orders that are known by then are history.
    """
    with ownership.fenced():
        found = Ledger.objects.select_for_update().filter(listing=row).first()
        begins = found is None
        if found is None:
            found = linking.begin(row, product, read, settings)
            if found is None:
                return None
        if found.pending_adjustment is not None:
            read = replace(read, store=None)  # it is not known yet whether its number contains our own change
        if settings.stock_way == StockWay.STORE:
            store_leads.follow(found, product, read, settings)
            return found
        orders = list(inputs.orders_of(product, read.now).select_for_update())
        if any(inputs.is_newer(order, read) for order in orders):
            raise Overtaken
        unknown = begins and found.reverb is None
        merged = _merged(found, orders, replace(read, listing=None) if unknown else read)
        if not merged.undecided:
            found.single_unit = inputs.is_single(found, read)
            _save(found, orders, merged)
            return found
        found.undecided_at = merged.agreed.undecided_at
        found.save(update_fields=["undecided_at"])
    raise Undecided


def _merged(ledger: Ledger, orders: Iterable[Order], read: Read) -> Merged:
    sales = [part for order in orders for part in split_sales.split(inputs.sale_of(order))]
    agreed, number = Agreed.of(ledger), inputs.number_of_read(ledger, read)
    if inputs.is_single(ledger, read):
        agreed, number = single_unit.as_single_unit(agreed, number, sales, now=read.now)
    elif ledger.single_unit:
        agreed = replace(agreed, reverb=None)
    found = merge(
        agreed,
        sales,
        store=read.store,
        reverb=number,
        now=read.now,
        orders_at=read.orders_at,
        off_sale=read.listing is not None and read.listing.state in OFF_SALE,
    )
    return replace(found, sales=split_sales.join(found.sales))


def _save(ledger: Ledger, orders: Iterable[Order], merged: Merged) -> None:
    ledger.crossed = writes.crossed(ledger, merged.agreed.store)
    for name in _FIELDS:
        setattr(ledger, name, getattr(merged.agreed, name))
    ledger.save(update_fields=[*_FIELDS, "crossed", "single_unit"])
    sales = {sale.number: sale for sale in merged.sales}
    for order in orders:
        sale = sales[order.number]
        now = {name: getattr(sale, name) for name in inputs.KEPT}
        if not sale.new:
            now["reckoned"] = order.status
        if now != {name: getattr(order, name) for name in now}:
            for name, value in now.items():
                setattr(order, name, value)
            order.save(update_fields=now)
