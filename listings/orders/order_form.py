"""Build the order for the store from a Reverb order. Pure."""

from __future__ import annotations

import hashlib
import json
from decimal import ROUND_HALF_UP, Decimal

from shops.orders import Address, NewOrder, OrderLine
from shops.snapshots import ReverbOrder, StoreProduct

CENT = Decimal("0.01")


class Unfit(Exception):
    """The order cannot be created in this store; the message says why, for the seller."""


def new_order(seen: ReverbOrder, product: StoreProduct, *, takes_stock: bool, currency: str, link: str) -> NewOrder:
    """Return the order to create. `currency` is the store's, "" if unknown; `link` is the order's page.

    Raises Unfit if the store's currency differs.
    """
    if seen.currency and currency and seen.currency != currency:
        raise Unfit(
            f"It was sold in {seen.currency}, but your store sells in {currency}. Please enter it there by hand."
        )
    price = ((goods(seen) or Decimal(0)) / seen.quantity).quantize(CENT, ROUND_HALF_UP)
    line = OrderLine(seen.number, product.store_product_id, product.sku, product.title, seen.quantity, price)
    return NewOrder(
        reverb_number=seen.number,
        lines=(line,),
        currency=seen.currency or currency,
        buyer=seen.buyer,
        address=address_of(seen),
        shipping=seen.shipping or Decimal(0),
        tax=seen.tax or Decimal(0),
        note=note(seen, link),
        takes_stock=takes_stock,
        sold_at=seen.placed_at,
    )


def goods(seen: ReverbOrder) -> Decimal | None:
    """Return what was paid for all units, without shipping and tax; None if Reverb does not say."""
    if seen.product_amount is not None:
        return seen.product_amount
    if seen.total is None:
        return None
    return max(Decimal(0), seen.total - (seen.shipping or 0) - (seen.tax or 0))


def note(seen: ReverbOrder, link: str) -> str:
    """Return the note for the seller in the store's order."""
    parts = [f"Reverb order {seen.number}{f', sold to {seen.buyer}' if seen.buyer else ''}. {link}"]
    if seen.status in ("shipped", "picked_up", "received"):
        parts.append("It was shipped on Reverb before it was made here: do not ship it again.")
    if seen.local_pickup:
        parts.append("Local pickup.")
    if seen.total is not None:
        parts.append(f"The buyer paid {seen.total:.2f} {seen.currency} to Reverb.")
    if seen.fees is not None:
        parts.append(f"Reverb keeps {seen.fees:.2f} {seen.currency} of it.")
    if seen.bundle_id and seen.bundle_id != seen.number:
        parts.append(f"Bought together with others (bundle {seen.bundle_id}).")
    return " ".join(parts)


def address_of(seen: ReverbOrder) -> Address | None:
    """Return the shipping address, None for local pickup or if Reverb does not say."""
    return Address(**seen.address) if seen.address else None


def mark_of(seen: ReverbOrder) -> str:
    """Return a digest of the address, to notice a changed one; "" if there is none."""
    if not seen.address:
        return ""
    return hashlib.sha256(json.dumps(dict(seen.address), sort_keys=True).encode()).hexdigest()
