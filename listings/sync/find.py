"""Find the listing of a product: by its known id, else by its SKU in every state. Never writes to Reverb."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from listings.models import Listing, Product
from listings.queue.linked_elsewhere import linked_elsewhere
from listings.stock import ledger as books
from listings.sync.listing_row import forget, is_its, row_of
from listings.sync.rows import AttemptInput
from reverbsync import clock
from shops.reverb import match
from shops.reverb.availability import OFF_SALE
from shops.reverb.client import ReverbClient
from shops.reverb.errors import NotFound, TransientError
from shops.snapshots import ReverbListing


@dataclass(frozen=True)
class Found:
    """What was found: a listing with its current snapshot, none, or a reason why nothing may be written."""

    row: Listing | None = None
    listing: ReverbListing | None = None
    reason: str = ""
    #: When a page of listings showed it; None if it was read just now.
    indexed_at: datetime | None = None


#: For how long what a page of a mass sync's fetch showed is trusted.
INDEX_KEEPS = timedelta(hours=1)
#: For how long a 404 for a listing seen before is not believed: a replica of Reverb's database may lag.
SEEN_LATELY = timedelta(minutes=2)


def find(client: ReverbClient, begun: AttemptInput, *, indexed: bool = False) -> Found:
    """Return the listing of the product. Raises ReverbError.

    `indexed`: accept what a mass sync's fetch showed a while ago, unless something was reported since.
    """
    product, row, unclear = begun.product, begun.row, _unclear(begun)
    if unclear and not (row is not None and (row.reverb_id or row.may_turn_up(clock.now()))):
        return Found(reason=unclear)
    if row is None or not is_its(row, product):
        begun.row = row = row_of(product)
        begun.ledger = books.known(row) if row is not None else None
    if row is None:
        return Found(reason="gone" if product.gone_at else "sku_twice")
    if indexed and _is_indexed(row):
        listing = ReverbListing.from_json(row.snapshot) if row.snapshot is not None and row.reverb_id else None
        return Found(row, listing, indexed_at=row.indexed_at)
    # A linked listing is known by its id: an unclear SKU only prevents that another one is linked or made.
    found = _by_id(client, row, begun)
    if found is None and unclear and not row.may_turn_up(clock.now()):
        return Found(row, reason=unclear)
    return found or _by_sku(client, row, product)


def _by_id(client: ReverbClient, row: Listing, begun: AttemptInput) -> Found | None:
    if not row.reverb_id:
        return None
    try:
        return Found(row, client.listing(row.reverb_id))
    except NotFound:
        if row.read_at is not None and clock.now() < row.read_at + SEEN_LATELY:
            raise TransientError("Reverb says that a listing does not exist that it showed a moment ago.") from None
        if row.sku and any(one.id == row.reverb_id for one in client.listings_with_sku(row.sku)):
            raise TransientError("Reverb's list shows a listing that Reverb says does not exist.") from None
        forget(row)
        begun.ledger = None
        return None


def _by_sku(client: ReverbClient, row: Listing, product: Product) -> Found:
    sku = row.sku if row.may_turn_up(clock.now()) else product.sku
    near = row.post_started_at is not None
    rows = {one.id: one for one in client.listings_with_sku(sku, near=near)}
    if near:
        rows = {one.id: one for one in _made_of(product, sku, list(rows.values()))}
    if not rows:
        return Found(row)
    reverb_id = the_one({one.id: one.state for one in rows.values()})
    if not reverb_id:
        return Found(row, reason="two_listings")
    # The search lags and shows one photo only, so the listing itself is read.
    if Listing.objects.filter(shop=product.shop_id, reverb_id=reverb_id).exclude(pk=row.pk).exists():
        # Its product got another SKU in the store, and its own job has yet to write it to Reverb.
        raise TransientError("The listing with this SKU still belongs to another product.")
    if linked_elsewhere(product.shop_id).filter(reverb_id=reverb_id).exists():
        return Found(row, reason="another_shop")
    listing = client.listing(reverb_id)
    if listing.sku and match.has_sku(rows[reverb_id], sku, near=near) and not match.has_sku(listing, sku, near=near):
        # For example one that sold and was set aside: linked again, it would hide the new one.
        raise TransientError("Reverb's search shows a listing under a SKU that it has no longer.")
    return Found(row, listing)


def _made_of(product: Product, sku: str, found: list[ReverbListing]) -> list[ReverbListing]:
    """Return the listings that a POST without a response may have made: with its SKU, or Reverb's spelling of it."""
    exact = [one for one in found if match.has_sku(one, sku)]
    others = Product.objects.filter(shop=product.shop_id, gone_at__isnull=True).exclude(pk=product.pk)
    theirs = set(others.filter(sku__in={one.sku.strip() for one in found}).values_list("sku", flat=True))
    return exact or [one for one in found if match.same_title(one, product.title) and one.sku.strip() not in theirs]


def the_one(states: Mapping[str, str]) -> str:
    """Return the id of a product's listing out of all with its SKU (id → state); "" if unclear.

    Sold and ended listings stay on Reverb, and sellers make new ones beside them. So it is the only listing on sale,
    else the only one that may still go on sale.
    """
    if len(states) == 1:
        return next(iter(states))
    open_ones = [one for one, state in states.items() if state not in OFF_SALE]
    live = [one for one in open_ones if states[one] == "live"]
    return next((found[0] for found in (live, open_ones) if len(found) == 1), "")


def _is_indexed(row: Listing) -> bool:
    fresh = row.indexed_at is not None and clock.now() < row.indexed_at + INDEX_KEEPS
    # What was read since, or may have been made by a lost POST, is not what the page showed.
    return fresh and row.read_at in (None, row.indexed_at) and row.post_started_at is None


def _unclear(begun: AttemptInput) -> str:
    if begun.product.gone_at is not None:
        return ""
    if not begun.product.sku:
        return "no_sku"
    return "sku_twice" if begun.sku_twice else ""
