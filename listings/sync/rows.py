"""The written statements of an attempt: what it begins with, what it keeps of a listing, and how it ends.

Each is one statement, however much it reads or writes: what is done for every product is not left to querysets, which
cost ten times as much (docs/performance.md).
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any

from django.db import connection

from listings.models import Ledger, Line, Listing, Product
from listings.queue import lease
from listings.queue.jobs import Claim, ExtraColumns, ExtraWrites
from listings.stock.ledger import SETTLED_AFTER
from reverbsync.database import Reader, Statement
from synclog.record import Attempt, insertion

#: How far our clock and Reverb's may be apart for an order to be looked at all the same.
CLOCKS_APART = timedelta(hours=1)
#: A relation that is set without the checks of an assignment, for each product.
_LISTING = Ledger._meta.get_field("listing")
#: How many columns follow those of the tables: the fields of `AttemptInput` from `generation` on.
REST = 5


@dataclass
class AttemptInput:
    """What an attempt begins with, all as it was at one moment."""

    product: Product
    #: The product's own row, and its ledger.
    row: Listing | None
    ledger: Ledger | None
    #: How often the job had been asked for by then.
    generation: int
    #: Another product of the shop has the same SKU.
    sku_twice: bool
    #: There are orders that may still say something about the stock.
    sold: bool
    #: Another one than before: something that belongs to the shop has changed (`Desk`).
    mark: str
    #: All orders are known that changed on Reverb before this moment.
    orders_read_at: datetime | None
    #: The product does not go to Reverb; only its end is brought there.
    only_end: bool = False


# A row's position and the transaction that wrote it distinguish one version of it from every other.
_COLUMNS = """, {product}, {listing}, {ledger}, job.generation,
    product.sku <> '' AND EXISTS (
        SELECT FROM listings_product AS same
        WHERE same.shop_id = product.shop_id AND same.sku = product.sku AND same.gone_at IS NULL
          AND same.id <> product.id
    ),
    EXISTS (
        SELECT FROM listings_order AS sale
        WHERE sale.product_id = product.id
          AND (sale.updated_at > %(now)s::timestamptz - interval '{settled}' OR sale.reckoned <> sale.status)
    ),
    concat(
        shop.ctid, shop.xmin, '/', settings.ctid, settings.xmin, '/', store.ctid, store.xmin, '/',
        reverb.ctid, reverb.xmin, '/',
        (SELECT string_agg(concat(ctid, xmin), '' ORDER BY id) FROM shops_selectionrule WHERE shop_id = shop.id), '/',
        (SELECT string_agg(concat(ctid, xmin), '' ORDER BY id) FROM shops_mappingrule WHERE shop_id = shop.id)
    ),
    reverb.orders_read_at
"""
_JOINS = """
LEFT JOIN listings_product AS product ON product.id = job.product_id
LEFT JOIN shops_shop AS shop ON shop.id = product.shop_id
LEFT JOIN shops_syncsettings AS settings ON settings.shop_id = shop.id
LEFT JOIN shops_storeconnection AS store ON store.shop_id = shop.id
LEFT JOIN shops_reverbconnection AS reverb ON reverb.shop_id = shop.id
LEFT JOIN listings_listing AS listing ON listing.product_id = product.id
LEFT JOIN listings_ledger AS ledger ON ledger.listing_id = listing.id
"""


def begin(taken: Claim, *, now: datetime) -> AttemptInput | None:
    """Return what an attempt begins with; None where this worker does not have the job any more."""
    known, found = _known(), taken.read
    if not found or found[-REST] != taken.generation:  # not read with the claim, or something was asked in that moment
        with connection.cursor() as cursor:
            known.alone.run(cursor, {"now": now, "job": taken.job_id, "lease": taken.lease})
            found = cursor.fetchone() or ()
    product = known.products.row(found) if found else None
    if product is None:
        return None
    row = known.listings.row(found, known.products.width)
    ledger = known.ledgers.row(found, known.products.width + known.listings.width)
    if row is not None and ledger is not None:
        _LISTING.set_cached_value(ledger, row)
    return AttemptInput(product, row, ledger, *found[-REST:])


def with_claim() -> ExtraColumns:
    """Return what `begin` takes from a claim, so that it need not ask by itself."""
    return _known().also


@dataclass(frozen=True)
class _Known:
    """What is read of each table, with a claim and alone."""

    products: Reader[Product]
    listings: Reader[Listing]
    ledgers: Reader[Ledger]
    also: ExtraColumns
    alone: Statement


@lru_cache(maxsize=1)
def _known() -> _Known:
    products, listings, ledgers = Reader(Product, "product"), Reader(Listing, "listing"), Reader(Ledger, "ledger")
    columns = _COLUMNS.format(
        product=products.columns,
        listing=listings.columns,
        ledger=ledgers.columns,
        settled=f"{(SETTLED_AFTER + CLOCKS_APART).total_seconds():.0f} seconds",
    )
    where = "WHERE job.id = %(job)s AND job.lease = %(lease)s"
    alone = Statement(f"SELECT {columns.lstrip(', ')} FROM listings_job AS job {_JOINS} {where}")  # noqa: S608
    return _Known(products, listings, ledgers, ExtraColumns(columns, _JOINS), alone)


# -- a listing -----------------------------------------------------------------------------------------------------


def note(row: Listing, **now: Any) -> None:
    """Change fields of a listing's row, to be saved by `save` or with the end of the attempt."""
    changed = [name for name, value in now.items() if getattr(row, name) != value]
    for name in changed:
        setattr(row, name, now[name])
    row.unsaved = row.unsaved.union(changed)


def save(row: Listing) -> None:
    """Save what was noted, and only that: what others wrote to the row meanwhile stays. Raises LeaseLost."""
    if row.unsaved:
        lease.save(row, *row.unsaved)
        row.unsaved = frozenset()


def _saving(row: Listing) -> tuple[str, list[Any]]:
    names = sorted(row.unsaved)
    values = [json.dumps(value) if isinstance(value := getattr(row, name), dict | list) else value for name in names]
    changes = ", ".join(f"{name} = %s" for name in names)
    return f"UPDATE listings_listing SET {changes} WHERE id = %s", [*values, row.pk]  # noqa: S608


# -- the end -------------------------------------------------------------------------------------------------------

# The product goes before the job, as intake takes them: two transactions that take them in turn never wait for each
# other.
_BEFORE = """before AS (
    UPDATE listings_product SET looked_at = %s, waits_for = %s WHERE id = %s RETURNING id
)"""
_LINE = """line AS (
    UPDATE listings_line SET state = %s, reason = %s, message = %s
    WHERE product_id = %s AND kind = ANY(%s) AND state IN ('open', 'queued')
)"""


@dataclass(frozen=True)
class LineEnd:
    """What becomes of the product's line in an open mass sync, if it has one."""

    state: Line.State
    reason: str
    message: str


def ended(
    product: Product,
    row: Listing | None,
    entry: Attempt,
    *,
    looked_at: datetime | None,
    waits_for: str,
    line: LineEnd | None,
) -> ExtraWrites:
    """Return what is saved together with the end of the job: the entry, the product, its listing and its line."""
    sql, values = insertion(entry)
    parts, given = [_BEFORE, f"entry AS ({sql})"], [looked_at, waits_for, product.pk, *values]
    if row is not None and row.unsaved:
        sql, values = _saving(row)
        parts.append(f"listing AS ({sql})")
        given += values
        row.unsaved = frozenset()
    if line is not None:
        parts.append(_LINE)
        given += [line.state.value, line.reason, line.message, product.pk, list(Line.CALLS)]
    return ExtraWrites(", ".join(parts), given)
