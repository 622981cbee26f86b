"""Units that Reverb has on sale although they are gone: recorded after every attempt, retried, and reported by mail.

At its end an attempt compares what Reverb is known to show with what is left. While Reverb shows more, the job stays
due: no rejection, misread answer or invalid token makes it wait for a person alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from enum import StrEnum

from listings.models import Ledger, Listing, Product
from listings.queue import lease
from listings.stock import shared_stock, targets
from listings.stock.agreed import shown
from listings.sync import rows
from listings.sync.log import Ending
from listings.sync.rows import AttemptInput
from reverbsync import clock
from shops import mail
from shops.models import ReverbConnection, SyncSettings
from shops.models.settings import StockWay
from shops.reverb.availability import OFF_SALE
from shops.reverb.lists import HOLD_SEVERAL
from synclog.models import Entry
from synclog.reasons import REASONS, quoted

#: Longest delay before the next attempt: if no unit is left or the failure is transient; else, if Reverb refuses a
#: lower number.
AGAIN_S = 60.0
REFUSED_AGAIN_S = 900.0
#: The owners are mailed when a sold-out listing has been on sale for `LASTS`; the mail includes those over `NEARLY`.
LASTS = timedelta(minutes=15)
NEARLY = timedelta(minutes=10)
#: A product that was read in the store longer ago than this is read again before the listing finally ends.
OLD = timedelta(minutes=5)
#: Listings that a mail names at most.
NAMED = 20
#: States in which nobody can buy.
NOT_ON_SALE = OFF_SALE | {"draft", "suspended", ""}


class Excess(StrEnum):
    """What Reverb has on sale beyond what is left."""

    NONE = ""
    SOME = "some"  # more units than there are
    ALL = "all"  # no unit is left

    def again_s(self, *, transient: bool) -> float:
        """Return the longest delay before the next attempt, in seconds. `transient`: the failure is temporary."""
        return AGAIN_S if transient or self == Excess.ALL else REFUSED_AGAIN_S


def on_sale(row: Listing | None) -> int:
    """Return the units that Reverb is known to have on sale."""
    snapshot = row.snapshot if row is not None and row.reverb_id else None
    if snapshot is None or snapshot["state"] in NOT_ON_SALE:
        return 0
    several = snapshot.get("condition") in HOLD_SEVERAL or snapshot.get("has_inventory")
    units = snapshot.get("inventory")
    if not isinstance(units, int):
        return 1
    # A live single-item listing is for sale whatever number it shows. In other states 0 means that none is.
    return units if several else 1 if snapshot["state"] == "live" else min(1, units)


def left(product: Product, ledger: Ledger | None, settings: SyncSettings, *, bare: bool = False) -> int | None:
    """Return the units that Reverb may show, None if stock does not sync or is not counted.

    `bare`: ignore buffer and maximum, which apply to products that go to Reverb.
    """
    if not settings.sync_stock:
        return None
    if product.gone_at is not None or not product.seen.for_sale:
        return 0
    stock = product.seen.stock
    if ledger is None or settings.stock_way == StockWay.STORE:
        units = stock
    elif stock is not None and ledger.pending_adjustment is None and _is_newer(product, ledger):
        # What the store has done since is not in the ledger yet.
        units = ledger.units + stock - ledger.store - shared_stock.undeducted_of_sharers(product)
    else:
        units = targets.units_left(ledger, product)
    return None if units is None else shown(units, **({} if bare else targets.limits(product, settings)))


def _is_newer(product: Product, ledger: Ledger) -> bool:
    """Return whether the store's number was read after we changed it."""
    return ledger.wrote_store_at is None or product.read_at > ledger.wrote_store_at


def of(
    row: Listing | None, product: Product, ledger: Ledger | None, settings: SyncSettings, *, bare: bool = False
) -> Excess:
    """Return what Reverb has on sale beyond what is left (`bare`: see `left`), as far as is known."""
    there, most = on_sale(row), left(product, ledger, settings, bare=bare)
    if most is None or there <= most:
        return Excess.NONE
    return Excess.SOME if most else Excess.ALL


def follow(begun: AttemptInput, ending: Ending, connection: ReverbConnection | None, settings: SyncSettings) -> Excess:
    """Record since when a sold-out listing is on sale, mail the owners if that lasts, and return the excess.

    Once the owners are mailed, the ending reports it. If sync is off or Reverb is disconnected, there is no excess.
    """
    row = begun.row
    if row is None or connection is None or not settings.auto_sync:
        return Excess.NONE
    found = of(row, begun.product, begun.ledger, settings, bare=begun.only_end)
    if found != Excess.ALL:
        rows.note(row, oversells_since=None, oversells_notified_at=None)
        # A product that does not go to Reverb leaves its listing as it is, unless it is sold out.
        return Excess.NONE if begun.only_end else found
    now = clock.now()
    if row.oversells_since is None:
        rows.note(row, oversells_since=now)
        return found
    _read_again(begun.product, now)
    if row.oversells_notified_at is not None:
        looked_at = begun.product.looked_at
        if looked_at is None or looked_at < row.oversells_notified_at:  # mailed together with another listing
            _mark_still_on_sale(ending)
    elif now >= row.oversells_since + LASTS and _mailed(begun, ending, connection):
        _mark_still_on_sale(ending)
    return found


def _read_again(product: Product, now: datetime) -> None:
    """Have a product read again if the last read is old: it may have units again, and its listing would end."""
    is_due = product.next_change_at is not None and product.next_change_at <= now
    if product.gone_at is None and product.read_at < now - OLD and not is_due:
        product.next_change_at = now
        lease.save(product, "next_change_at")


def is_overdue(begun: AttemptInput, connection: ReverbConnection | None, settings: SyncSettings) -> bool:
    """Return whether the owners must still be notified of a sold-out listing, though no call can be made now.

    Records since when it is on sale, as `follow` does: attempts are postponed while Reverb is unreachable.
    """
    row, now = begun.row, clock.now()
    if row is None or connection is None or not settings.auto_sync:
        return False
    if of(row, begun.product, begun.ledger, settings, bare=begun.only_end) != Excess.ALL:
        return False
    if row.oversells_since is None:
        rows.note(row, oversells_since=now)
    return row.oversells_notified_at is None and now >= (row.oversells_since or now) + LASTS


def _mark_still_on_sale(ending: Ending) -> None:
    ending.message = quoted(ending.reason, ending.message)
    ending.outcome, ending.reason = Entry.Outcome.FAILED, "still_on_sale"


def _mailed(begun: AttemptInput, ending: Ending, connection: ReverbConnection) -> bool:
    """Mail the owners about all sold-out listings of the shop that stay on sale, once each; False if it failed."""
    row, now = begun.row, clock.now()
    assert row is not None  # noqa: S101 -- checked by the caller
    waiting = Listing.objects.filter(shop=row.shop_id, oversells_notified_at__isnull=True)
    ready = waiting.filter(oversells_since__lte=now - NEARLY).order_by("oversells_since")
    found = [row, *ready.exclude(pk=row.pk).select_related("product")[: NAMED - 1]]
    ids = [one.pk for one in found]
    if not Listing.objects.filter(pk__in=ids, oversells_notified_at__isnull=True).update(oversells_notified_at=now):
        return False  # another worker has mailed it
    many = f"{len(found)} listings" if len(found) > 1 else begun.product.title[:120]
    subject = f"Sold out and still on sale on Reverb: {many}"
    if mail.to_owners(row.shop_id, subject, _text(found, begun, ending, connection)):
        row.oversells_notified_at = now
        return True
    Listing.objects.filter(pk__in=ids).update(oversells_notified_at=None)
    return False


def _text(found: Sequence[Listing], begun: AttemptInput, ending: Ending, connection: ReverbConnection) -> str:
    lines = []
    for one in found:
        product = begun.product if one.product_id == begun.product.pk else one.product
        lines.append(f"- {product.title} (SKU {product.sku or one.sku})\n  {one.link or 'no link known'}")
    why = f"{REASONS[ending.reason].words} {quoted(ending.reason, ending.message)}".strip()
    named, minutes = "\n".join(lines), LASTS.total_seconds() / 60
    return (
        f"These listings are on sale on Reverb although none is left in your store:\n\n{named}\n\n"
        f"We have tried for {minutes:.0f} minutes to take them off sale. What happened last: {why}\n\n"
        f"Please end them on Reverb now: {connection.web_url}/my/selling/listings\n"
        "We try again at least once a minute, and the sync log tells you when it has worked.\n"
    )
