"""Notify the seller at once, with both orders, when both sides sold the last unit before either could be updated."""

from __future__ import annotations

import logging
from datetime import timedelta

from listings.models import Ledger, Order, Product
from listings.queue import lease
from listings.stock.oversold_notice import Oversold, asks_store, news
from listings.stock.session import StockSession
from reverbsync import clock
from shops import mail
from shops.platforms import client_of
from shops.platforms.errors import StoreError, TransientStoreError
from shops.reverb.orders import RELEASED

logger = logging.getLogger(__name__)

#: How long before the store's number last changed the search for the other sale begins.
LOOK_BACK = timedelta(hours=1)
MAX_PAGES = 10
NAMED = 5
#: Longest retry-after of a store that is waited for, before the seller is notified without its order.
PATIENCE_S = 3.0
#: Seconds until a store that did not respond is called again, at first and later, or a mail is retried; and for how
#: long after the store's sale. After that it waits until the product is due for another reason.
AGAIN_S = 5.0
STILL_S = 60.0
KEEPS_TRYING = timedelta(hours=1)
NO_ANSWER = "its newest order of this product (it did not answer just now)"


def notify(stock: StockSession) -> str | None:
    """Mail the shop's owners if more is oversold than they know of; return the words for the log, None if not.

    The owners are notified once for each unit; if a worker dies in between, or a mail cannot be sent, at the next
    attempt. If Reverb's order was not visible yet, or the store did not respond, they are notified again once it is
    known.
    """
    ledger = stock.ledger
    if ledger is None:
        return None
    known = Oversold(
        ledger.oversold,
        ledger.oversold_notified,
        hidden=ledger.unexplained_drop > 0,
        unnamed=ledger.oversold_unnamed,
        unanswered=ledger.oversold_unanswered,
    )
    if not asks_store(known):
        _note(ledger, known, known.unnamed, known.unanswered)
        return None
    in_store = _in_store(stock, again_s=AGAIN_S if known.is_more else STILL_S)
    added = news(known, store_answered=bool(in_store))
    if added is None:
        _note(ledger, known, known.unnamed, known.unanswered)
        return None
    words = f"On Reverb: {_on_reverb(stock, hidden=known.hidden)}. In your store: {in_store or NO_ANSWER}."
    if _mailed(stock.product, known.units, words, news=added):
        _note(ledger, known, known.hidden, not in_store)
    else:
        _come_back(stock, STILL_S)
    return words


def _note(ledger: Ledger, known: Oversold, unnamed: bool, unanswered: bool) -> None:  # noqa: FBT001 -- two columns
    """Save what the owners know, if it changed; nothing is unknown of a product that is not oversold."""
    now = (known.units, unnamed and known.units > 0, unanswered and known.units > 0)
    if now != (known.notified, known.unnamed, known.unanswered):
        ledger.oversold_notified, ledger.oversold_unnamed, ledger.oversold_unanswered = now
        lease.save(ledger, "oversold_notified", "oversold_unnamed", "oversold_unanswered")


def _on_reverb(stock: StockSession, *, hidden: bool) -> str:
    """Return Reverb's orders of the product in words."""
    there = Order.objects.filter(product=stock.product, counts=True).exclude(status__in=RELEASED)
    numbers = list(there.order_by("-placed_at").values_list("number", flat=True)[:NAMED])
    known = [f"order {', '.join(numbers)}"] if numbers else []
    return " and ".join(known + (["an order that it does not show yet"] if hidden or not numbers else []))


def _in_store(stock: StockSession, *, again_s: float) -> str:
    """Return the store's orders of the product in words; "" if it did not respond, and then the attempt is repeated."""
    try:
        try:
            return _fetch_orders(stock.product)
        except TransientStoreError as error:
            if error.retry_after is None or error.retry_after > PATIENCE_S:
                raise
            clock.sleep(error.retry_after)  # a mail with both orders is worth the wait
            return _fetch_orders(stock.product)
    except StoreError as error:
        logger.warning("The store's orders of product %s, which sold twice, are not known: %s", stock.product.pk, error)
        _come_back(stock, max(again_s, error.retry_after or 0))
        return ""


def _come_back(stock: StockSession, seconds: float) -> None:
    since = stock.product.stock_since
    if since is not None and clock.now() - since < KEEPS_TRYING:
        stock.come_back(seconds)


def _fetch_orders(product: Product) -> str:
    """Fetch the store's orders of the product, and return them in words. Raises StoreError."""
    since = (product.stock_since or clock.now()) - LOOK_BACK
    ids, found = {product.store_product_id}, list[str]()
    cursor = ""
    for _ in range(MAX_PAGES):
        orders, following = client_of(product.shop.store).orders(since, cursor)
        mine = (one for one in orders if not one.reverb_number and one.lines_of(ids, product.sku))
        found += [f"{one.number or one.id} {one.url}".strip() for one in mine]
        if following is None:
            return f"order {', '.join(found[-NAMED:])}" if found else "its stock had gone already"
        cursor = following
    return f"order {', '.join(found[-NAMED:])}" if found else "one of its newest orders, which are many"


def _mailed(product: Product, units: int, words: str, *, news: str) -> bool:
    """Mail the shop's owners; False if the mail could not be handed over."""
    return mail.to_owners(
        product.shop_id,
        f"Sold twice{', ' if news else ''}{news}: {product.title[:120]}",
        f"{product.title} (SKU {product.sku}) was sold on Reverb and in your store before either side could be told.\n"
        f"{units} more sold than there were.\n\n{words}\n\n"
        "Please cancel one of the orders. The stock on both sides stays at zero until then; when an order is "
        "cancelled, its unit is counted back.\n",
    )
