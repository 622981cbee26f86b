"""Track since when the store lacks a stock change that could not be made, and mail the seller once that lasts."""

from __future__ import annotations

from datetime import timedelta

from listings.models import Ledger
from listings.queue import lease
from listings.stock.adjust import Brought
from listings.stock.session import StockSession
from reverbsync import clock
from shops import mail

#: The seller is mailed after this time; a shop gets at most one such mail an hour.
LASTS = timedelta(minutes=15)
MAILS_APART = timedelta(hours=1)


def track(stock: StockSession, brought: Brought) -> None:
    """Record since when the store is behind, and mail the shop's owners once it has been for `LASTS`."""
    ledger, now = stock.ledger, clock.now()
    if ledger is None:
        return
    if brought.error is None:
        if ledger.behind_since is not None:
            ledger.behind_since = ledger.behind_notified_at = None
            lease.save(ledger, "behind_since", "behind_notified_at")
    elif ledger.behind_since is None:
        ledger.behind_since = now
        lease.save(ledger, "behind_since")
    elif (
        ledger.behind_notified_at is None and now >= ledger.behind_since + LASTS and _mailed(stock, str(brought.error))
    ):
        ledger.behind_notified_at = now
        lease.save(ledger, "behind_notified_at")


def _mailed(stock: StockSession, words: str) -> bool:
    """Mail the owners; False if it is too early for another mail to the shop, or the mail could not be handed over."""
    product, now = stock.product, clock.now()
    of_shop = Ledger.objects.filter(listing__shop=product.shop_id, behind_since__isnull=False)
    if of_shop.filter(behind_notified_at__gt=now - MAILS_APART).exists():
        return False
    others = of_shop.exclude(listing__product=product).count()
    more = f"{others} other product{'s' if others != 1 else ''} of your shop wait{'' if others != 1 else 's'} as well. "
    return mail.to_owners(
        product.shop_id,
        f"Your store's stock is out of date: {product.title[:120]}",
        f"We could not update the stock of {product.title} (SKU {product.sku}) in your store for "
        f"{LASTS.total_seconds() / 60:.0f} minutes, so it may sell there what is sold already.\n\n{words}\n\n"
        f"{more if others else ''}We keep trying, and Reverb shows the right number meanwhile. "
        "Please look whether your store works and has the units where it sells them, or correct its stock by hand.\n",
    )
