"""Compute what Reverb is to show and what the store is still to get."""

from __future__ import annotations

from django.db.models import F

from listings.models import Ledger, Order, Product
from listings.stock.agreed import Agreed, shown, store_adjustment
from listings.stock.shared_stock import undeducted_of_sharers
from reverbsync.database import EVERYTHING, Span
from shops.models import Shop, SyncSettings
from shops.models.settings import StockWay
from shops.reverb.lists import HOLD_SEVERAL


def store_number(product: Product) -> int | None:
    """Return the store's own number, None if it does not count the product or no longer has it."""
    return None if product.gone_at is not None else product.seen.stock


def limits(product: Product, settings: SyncSettings) -> dict[str, int]:
    """Return `buffer` and `maximum` of a product: its own, else the shop's."""
    own = {"buffer": product.stock_buffer, "maximum": product.stock_maximum}
    return {name: value if value is not None else getattr(settings, f"stock_{name}") for name, value in own.items()}


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


def to_write(ledger: Ledger, settings: SyncSettings) -> int:
    """Return the difference that is still to be written to the store."""
    if settings.stock_way == StockWay.STORE:
        return 0
    return store_adjustment(Agreed(ledger.units, ledger.store))


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
