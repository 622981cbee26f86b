"""The row of a product's listing, also of one that it had under another product."""

from __future__ import annotations

from django.db import IntegrityError

from listings.models import Job, Ledger, Listing, Order, Product
from reverbsync import clock
from reverbsync.dispatch import ownership
from shops.reverb.errors import RateLimited

#: Seconds until the next attempt, if another worker holds the product whose listing is to be inherited.
INHERIT_AGAIN_S = 1.0


def row_of(product: Product) -> Listing | None:
    """Return the product's own row, creating or inheriting it; None if another product holds the SKU.

    A product that was deleted in the store and made again with the same SKU inherits the listing of the old one.
    """
    own = Listing.objects.filter(product=product).first()
    if own is not None and is_its(own, product):
        return own
    if product.gone_at is not None:
        return None
    if own is not None:
        with ownership.fenced():
            own.delete()  # nothing was found or made under the product's old SKU
    if inherited := _inherit(product):
        return inherited
    try:
        with ownership.fenced():
            return Listing.objects.create(product=product, shop_id=product.shop_id, sku=product.sku)
    except IntegrityError:
        return None


@ownership.fenced()
def _inherit(product: Product) -> Listing | None:
    """Move the listing of a deleted product with the same SKU to this product.

    Raises RateLimited while a worker holds the old product.
    """
    old = Listing.objects.filter(shop=product.shop_id, sku=product.sku, product__gone_at__isnull=False).first()
    if old is None:
        return None
    # The lock prevents a claim: otherwise a worker for the old product could end the new product's listing.
    job = Job.objects.select_for_update().filter(product=old.product_id).first()
    if job is not None and job.lease_until is not None and job.lease_until > clock.now():
        raise RateLimited("The product that had this SKU before is being looked at.", retry_after=INHERIT_AGAIN_S)
    if not Listing.objects.filter(pk=old.pk, product=old.product_id).update(product=product):
        return None
    orders = Order.objects.filter(shop=product.shop_id, listing_id=old.reverb_id).exclude(listing_id="")
    orders.update(product=product)
    return Listing.objects.get(product=product)


def forget(row: Listing) -> None:
    """Reset a listing that no longer exists on Reverb, with what was agreed on."""
    row.reverb_id = row.link = row.state = ""
    row.snapshot = None
    row.agreed = {}
    row.publish_looks = None
    with ownership.fenced():
        Ledger.objects.filter(listing=row).delete()
        row.save(update_fields=["reverb_id", "link", "state", "snapshot", "agreed", "publish_looks"])


def is_its(row: Listing, product: Product) -> bool:
    """Return whether a product's row is still its own: a linked one gets a changed SKU once Reverb has it.

    If a listing may have been made under the old SKU, that is settled first; otherwise there would be two.
    """
    return bool(row.reverb_id) or row.sku == product.sku or row.may_turn_up(clock.now())
