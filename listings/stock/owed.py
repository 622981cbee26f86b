"""Both sides sold the last one before either could be told: tell the seller at once, with both orders."""

from __future__ import annotations

from datetime import timedelta

from django.core.mail import send_mail

from listings.models import Order, Product
from listings.stock.turn import Turn
from reverbsync import clock
from shops.models import Membership
from shops.orders import StoreOrder
from shops.platforms import client_of
from shops.platforms.values import StoreError
from shops.reverb.orders import RELEASED

#: How long before the store's number last changed its orders are looked through for the other sale.
LOOK_BACK = timedelta(hours=1)
MAX_PAGES = 10
NAMED = 5


def tell(stock: Turn) -> str | None:
    """Mail the shop's owners if more is owed than they know of; return the words for the log, None if not.

    It is told at most once for each unit: a worker that dies in between tells it at the next attempt. Where Reverb did
    not show its order yet, it is told a second time when it does, with both orders.
    """
    ledger = stock.ledger
    if ledger is None:
        return None
    owed, before, unnamed = ledger.owed, ledger.owed_told, ledger.fall > 0
    named = ledger.owed_unnamed and not unnamed  # Reverb shows its order now
    if owed == before and not named:
        return None
    words = None
    if owed > before or (owed and named):
        words = _words(stock, unnamed=unnamed)
        _mail(stock, owed, words, again=owed <= before)
        ledger.owed_unnamed = unnamed
    elif not owed:
        ledger.owed_unnamed = False
    ledger.owed_told = owed
    ledger.save(update_fields=["owed_told", "owed_unnamed"])
    return words


def _words(stock: Turn, *, unnamed: bool) -> str:
    """Return both sides' orders in words. `unnamed`: units are gone on Reverb of which no order is known."""
    there = Order.objects.filter(product=stock.product, counts=True).exclude(status__in=RELEASED)
    numbers = list(there.order_by("-placed_at").values_list("number", flat=True)[:NAMED])
    on_reverb = [f"order {', '.join(numbers)}"] if numbers else []
    on_reverb += ["an order that it does not show yet"] if unnamed or not numbers else []
    return f"On Reverb: {' and '.join(on_reverb)}. {_in_store(stock)}"


def _in_store(stock: Turn) -> str:
    """Return the store's orders of the product, as far as the store tells."""
    since = (stock.product.stock_since or clock.now()) - LOOK_BACK
    found: list[str] = []
    cursor: str | None = ""
    try:
        for _ in range(MAX_PAGES):
            if cursor is None:
                break
            orders, cursor = client_of(stock.product.shop.store).orders(since, cursor)
            mine = (order for order in orders if not order.reverb_number and _holds(order, stock.product))
            found += [f"{order.number or order.id} {order.url}".strip() for order in mine]
    except StoreError:
        return "In your store: its newest orders of this product (it did not answer just now)."
    return (
        f"In your store: order {', '.join(found[-NAMED:])}." if found else "In your store: its stock had gone already."
    )


def _holds(order: StoreOrder, product: Product) -> bool:
    """Tell whether a product is in an order."""
    return any(
        line.store_product_id == product.store_product_id or (line.sku and line.sku == product.sku)
        for line in order.lines
    )


def _mail(stock: Turn, units: int, words: str, *, again: bool) -> None:
    product = stock.product
    owners = Membership.objects.filter(shop=product.shop_id, role=Membership.Role.OWNER)
    send_mail(
        f"Sold twice{', now with both orders' if again else ''}: {product.title[:120]}",
        f"{product.title} (SKU {product.sku}) was sold on Reverb and in your store before either side could be told.\n"
        f"{units} more sold than there were.\n\n{words}\n\n"
        "Please cancel one of the orders. The stock on both sides stays at zero until then; when an order is "
        "cancelled, its unit is counted back.\n",
        None,
        list(owners.values_list("person__email", flat=True)),
        fail_silently=True,
    )
