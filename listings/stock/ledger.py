"""The ledger around the stock rule: merge what was read, derive what to write, and remember writes in flight."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, fields, replace
from datetime import datetime, timedelta

from django.db.models import F, Q, QuerySet

from listings.models import Ledger, Listing, Order, Product
from listings.queue import lease
from listings.stock import linking, single_unit, split_sales, store_leads
from listings.stock.agreed import FOLLOWS_WITHIN, Agreed, Sale, shown, store_adjustment
from listings.stock.linking import Read
from listings.stock.merge import Merged, merge
from reverbsync import clock
from reverbsync.database import EVERYTHING, Span
from reverbsync.dispatch import ownership
from shops.models import Shop, SyncSettings
from shops.models.settings import StockWay
from shops.platforms import Platform
from shops.reverb.availability import OFF_SALE, holds_several, number_of
from shops.reverb.lists import HOLD_SEVERAL
from shops.reverb.orders import RELEASED, UNPAID

#: For how long after our own change of the store its sales may predate that change.
CROSSES_WITHIN = timedelta(seconds=60)

#: Results of the reconciliation that an order stores, beside `reckoned`, the status that was reconciled.
_KEPT = ("counted", "shown", "doubtful", "restocked")
_MOVED = ("reverb", "set_at", "before")
_FIELDS = tuple(one.name for one in fields(Agreed))


@dataclass(frozen=True)
class Foreseen:
    """The merge of a read, and whether it brings news to the ledger or the orders."""

    merged: Merged
    news: bool


def store_number(product: Product) -> int | None:
    """Return the store's own number, None if it does not count the product or no longer has it."""
    return None if product.gone_at is not None else product.seen.stock


def limits(product: Product, settings: SyncSettings) -> dict[str, int]:
    """Return `buffer` and `maximum` of a product: its own, else the shop's."""
    own = {"buffer": product.stock_buffer, "maximum": product.stock_maximum}
    return {name: value if value is not None else getattr(settings, f"stock_{name}") for name, value in own.items()}


def known(row: Listing) -> Ledger | None:
    """Return the ledger of a listing, None if its stock was never agreed."""
    return Ledger.objects.filter(listing=row).first()


def foresee(ledger: Ledger, product: Product, read: Read, *, sold: bool) -> Foreseen:
    """Return what merging this read would give, and change nothing. `sold`: there may be orders to reconcile."""
    orders = list(_orders(product, read.now)) if sold else []
    merged = _merged(ledger, orders, read)
    return Foreseen(
        merged, news=merged.undecided or _as_reckoned(ledger, orders) != (merged.agreed, _by_number(merged))
    )


def _as_reckoned(ledger: Ledger, orders: Iterable[Order]) -> tuple[Agreed, dict[str, Sale]]:
    """Return what the ledger and its orders say now, as if everything had been merged."""
    return Agreed.of(ledger), {
        one.number: replace(_sale(one), new=False, unseen=False) for one in orders if one.reckoned == one.status
    }


def _by_number(merged: Merged) -> dict[str, Sale]:
    return {sale.number: sale for sale in merged.sales}


def is_known(ledger: Ledger, product: Product, read: Read, settings: SyncSettings, seen: Foreseen | None) -> bool:
    """Return whether `take` would save nothing new for this read. `seen` is None where the store leads."""
    if ledger.pending_adjustment is not None:
        return False
    if settings.stock_way == StockWay.STORE:
        number, due = _number(ledger, read), to_show(ledger, product, settings)
        return store_leads.to_follow(ledger, product, read, number=number, due=due) is None
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
            number, due = _number(found, read), to_show(found, product, settings)
            store_leads.follow(found, product, read, number=number, due=due)
            return found
        orders = list(_orders(product, read.now).select_for_update())
        if any(_is_newer(order, read) for order in orders):
            raise Overtaken
        unknown = begins and found.reverb is None
        merged = _merged(found, orders, replace(read, listing=None) if unknown else read)
        if not merged.undecided:
            found.single_unit = _is_single(found, read)
            _save(found, orders, merged)
            return found
        found.undecided_at = merged.agreed.undecided_at
        found.save(update_fields=["undecided_at"])
    raise Undecided


def _number(ledger: Ledger, read: Read) -> int | None:
    """Return the units that Reverb has for sale, None if that proves nothing about sales.

    An ended listing proves nothing, since anybody may have ended it, unless we set it to zero ourselves.
    """
    if read.listing is None or read.read_at is not None:
        return None
    if read.listing.state == "ended" and 0 in (ledger.reverb, ledger.pending_put):
        return 0
    return number_of(read.listing)


def trails_s(ledger: Ledger, number: int | None, platform: Platform) -> float:
    """Return for how many more seconds the store may show its number from before our change; 0.0 if not."""
    if ledger.wrote_store_at is None or number != ledger.store - ledger.wrote_by or not ledger.wrote_by:
        return 0.0
    return max(0.0, platform.stock_read_lag_s - (clock.now() - ledger.wrote_store_at).total_seconds())


def _orders(product: Product, now: datetime) -> QuerySet[Order]:
    """Return the orders that may still affect the product's stock."""
    alive = Q(updated_at__gt=now - Order.SETTLED_AFTER) | ~Q(reckoned=F("status"))
    return Order.objects.filter(alive, product=product, counts=True).order_by("placed_at", "pk")


def sold_since(product: Product, read: Read) -> bool:
    """Return whether an order, or a change of one, was read after the listing was."""
    return any(_is_newer(order, read) for order in _orders(product, read.now))


def _is_newer(order: Order, read: Read) -> bool:
    if read.listing is None or read.since is None or order.status_read_at is None:
        return False
    return order.reckoned != order.status and order.status_read_at > read.since


def sold_lately(product: Product, now: datetime) -> bool:
    """Return whether Reverb's number may still move for an order. `now` is by Reverb's clock.

    It may for recent orders, and for orders that are not reconciled yet.
    """
    moves = Q(updated_at__gt=now - FOLLOWS_WITHIN) | ~Q(reckoned=F("status"))
    return Order.objects.filter(moves, product=product).exists()


def _merged(ledger: Ledger, orders: Iterable[Order], read: Read) -> Merged:
    sales = [part for order in orders for part in split_sales.split(_sale(order))]
    agreed, number = Agreed.of(ledger), _number(ledger, read)
    if _is_single(ledger, read):
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


def _is_single(ledger: Ledger, read: Read) -> bool:
    """Return whether the listing holds a single unit; an off-sale listing is what it was before."""
    if read.listing is None or number_of(read.listing) is None:
        return ledger.single_unit
    return not holds_several(read.listing)


def _sale(order: Order) -> Sale:
    return Sale(
        number=order.number,
        quantity=order.quantity,
        released=order.status in RELEASED,
        sure=order.status not in UNPAID,
        placed_at=order.placed_at,
        updated_at=order.updated_at,
        new=order.reckoned != order.status,
        unseen=not order.reckoned,
        **{name: getattr(order, name) for name in _KEPT},
    )


def store_moved(ledger: Ledger, number: int) -> None:
    """Apply the store's new number to the ledger; the caller saves it."""
    ledger.crossed = _crossed(ledger, number)
    ledger.units += number - ledger.store
    ledger.store = number


def _crossed(ledger: Ledger, number: int) -> int:
    """Return how far below zero the store's new number is because of sales that crossed our change.

    A sale that takes the store below zero right after we deducted units was made before the store knew of the
    deduction.
    """
    below = max(0, -number)
    more = below - max(0, -ledger.store)
    wrote_at = ledger.wrote_store_at
    if more > 0 and ledger.wrote_by < 0 and wrote_at is not None and clock.now() < wrote_at + CROSSES_WITHIN:
        return ledger.crossed + more
    return min(ledger.crossed, below)


def _save(ledger: Ledger, orders: Iterable[Order], merged: Merged) -> None:
    ledger.crossed = _crossed(ledger, merged.agreed.store)
    for name in _FIELDS:
        setattr(ledger, name, getattr(merged.agreed, name))
    ledger.save(update_fields=[*_FIELDS, "crossed", "single_unit"])
    sales = {sale.number: sale for sale in merged.sales}
    for order in orders:
        sale = sales[order.number]
        now = {name: getattr(sale, name) for name in _KEPT}
        if not sale.new:
            now["reckoned"] = order.status
        if now != {name: getattr(order, name) for name in now}:
            for name, value in now.items():
                setattr(order, name, value)
            order.save(update_fields=now)


# -- what to write -------------------------------------------------------------------------------------------------


def to_show(ledger: Ledger, product: Product, settings: SyncSettings) -> int:
    """Return the units that Reverb is to show, as far as the listing can hold them."""
    if product.gone_at is not None or not product.seen.for_sale:
        return 0
    if settings.stock_way == StockWay.STORE:
        counted = product.seen.stock
        # If the store stops counting, the agreed number stays.
        return shown(ledger.units if counted is None else counted, **limits(product, settings))
    return shown(units_left(ledger, product), **limits(product, settings))


def units_left(ledger: Ledger, product: Product) -> int:
    """Return the agreed units, fewer if the store lost units that cannot be merged yet.

    The store's number cannot be merged until it is known whether it contains our last change, which may take hours.
    Units that are gone in either case must not stay on sale that long.
    """
    units = ledger.units - undeducted_of_sharers(product)
    wish, stock = ledger.pending_adjustment, store_number(product)
    if wish is None or stock is None or stock in (wish["units"], wish["units"] + wish["by"]):
        return units
    sold: int = wish["units"] + max(0, wish["by"]) - stock
    return units - max(0, sold)


def sharers(product: Product) -> QuerySet[Product]:
    """Return the other products that share this product's stock, such as variations."""
    same = Product.objects.filter(shop=product.shop_id, store_stock_id=product.store_stock_id, gone_at=None)
    return same.exclude(pk=product.pk) if product.may_share_stock else same.none()


def undeducted_of_sharers(product: Product) -> int:
    """Return the units of a shared stock that sold as another product and are not deducted in the store yet."""
    if not product.may_share_stock:
        return 0
    rows = Ledger.objects.filter(listing__product__in=sharers(product)).values_list("units", "store")
    return sum(max(0, -store_adjustment(Agreed(units, store))) for units, store in rows)


def out_of_step(shop: Shop, span: Span = EVERYTHING) -> list[Product]:
    """Return the products whose listings show another number than they should, e.g. because settings changed."""
    settings = shop.sync_settings
    rows = Ledger.objects.filter(listing__shop=shop, reverb__isnull=False, **span.of("listing__product"))
    found = []
    for ledger in rows.select_related("listing__product").iterator(chunk_size=500):
        product, snapshot = ledger.listing.product, ledger.listing.snapshot or {}
        units = to_show(ledger, product, settings)
        several = snapshot.get("condition") in HOLD_SEVERAL or snapshot.get("has_inventory")
        if ledger.reverb != (units if several else min(1, units)):
            found.append(product)
    return found


def is_reconciled(product: Product, settings: SyncSettings) -> bool:
    """Return whether both sides have the agreed number, and nothing known is left to merge."""
    ledger = Ledger.objects.filter(listing__product=product).select_related("listing").first()
    if ledger is None:
        return True
    if ledger.pending_adjustment is not None or ledger.pending_put is not None or to_write(ledger, settings):
        return False
    if store_number(product) not in (None, ledger.store):
        return False
    if Order.objects.filter(product=product, counts=True).exclude(reckoned=F("status")).exists():
        return False
    return ledger.reverb is None or ledger.reverb <= to_show(ledger, product, settings)


def to_write(ledger: Ledger, settings: SyncSettings) -> int:
    """Return the difference that is still to be written to the store."""
    if settings.stock_way == StockWay.STORE:
        return 0
    return store_adjustment(Agreed(ledger.units, ledger.store))


# -- writes in flight ----------------------------------------------------------------------------------------------


def setting_reverb(ledger: Ledger, units: int) -> Callable[[], None]:
    """Remember the number that is about to be set on Reverb, since the response may be lost.

    Returns a function that undoes this if Reverb certainly did not apply the number. Whether Reverb applied the one
    before may still be open.
    """
    pending_put, before = ledger.pending_put, [*ledger.before]

    def not_set() -> None:
        ledger.pending_put, ledger.before = pending_put, before
        lease.save(ledger, "pending_put", "before")

    if pending_put is not None:  # Reverb may have shown it, and a stale response may show it again
        ledger.before = [*before, pending_put]
    ledger.pending_put = units
    lease.save(ledger, "pending_put", "before")
    return not_set


def set_on_reverb(ledger: Ledger, units: int, *, at: datetime, store: int | None) -> None:
    """Record that Reverb applied the number, at a moment by its clock. `store` is the number it was derived from."""
    now, changed = replace(Agreed.of(ledger).moved(units, at), pending_put=None), [*_MOVED, "pending_put"]
    for name in changed:
        setattr(ledger, name, getattr(now, name))
    if store is not None and ledger.store != store:  # only where the store leads; otherwise it was merged before
        ledger.store = ledger.units = store
        changed += ["store", "units"]
    lease.save(ledger, *changed)
