"""Make the call that was decided on, and save Reverb's response."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from listings.models import Ledger, Listing, Product
from listings.queue import lease
from listings.stock.session import StockSession
from listings.sync import rows
from listings.sync.changes import changes_of
from listings.sync.decision import Case, Decision
from listings.sync.save_listing import keep
from reverbsync import clock
from reverbsync.dispatch import ownership
from shops.reverb.availability import number_of
from shops.reverb.client import ReverbClient
from shops.reverb.errors import Invalid, NoAnswer, ReverbError, TransientError
from shops.snapshots import ReverbListing


class PostUnsettled(TransientError):
    """A POST may have made the listing; it is not repeated until that is known."""


@dataclass(frozen=True)
class Applied:
    """What Reverb made of a call."""

    listing: ReverbListing
    warnings: list[str]
    message: str
    changes: list[dict[str, Any]]


def wait_for_lost_post(row: Listing) -> None:
    """Raise PostUnsettled while a POST without a response may have made a listing that is not visible yet.

    This holds even if the product has changed since: if it sold out, the listing must be taken off sale once it is
    found.
    """
    if row.may_turn_up(clock.now()):
        raise PostUnsettled("An earlier try may have made the listing.")


def create(client: ReverbClient, row: Listing, case: Case, decision: Decision, stock: StockSession) -> Applied:
    """POST the listing, once."""
    earlier = row.post_started_at

    def goes_out() -> None:
        # Only once the rate limiter has let it through: a worker that dies before that leaves nothing to look for.
        row.post_started_at = clock.now()
        lease.save(row, "post_started_at")
        stock.before_put(decision.sends["stock"])

    try:
        listing, warnings, message = client.create(decision.body, goes_out=goes_out)
    except ReverbError as error:
        if row.post_started_at == earlier:
            raise  # it was never sent
        if earlier is None and _sku_is_taken(error):
            # Reverb may have a listing with this SKU that its search does not show yet. If the search still shows none
            # after a while, it is a refusal like any other.
            raise PostUnsettled(error.message, field_errors=error.field_errors, said=True) from None
        if not error.may_have_applied:
            _clear_post(row)
            stock.not_put()
        raise
    if listing is None:
        raise NoAnswer("Reverb's answer named no listing.", may_have_applied=True)
    if _is_anothers(row, listing):
        raise NoAnswer(f"Reverb answered with another listing, {listing.id}.", may_have_applied=True)
    stock.after_put(decision.sends["stock"])
    keep(row, case, listing, sent=decision.sends, warnings=warnings)
    return Applied(listing, warnings, message, changes_of(case, decision.sends))


def update(client: ReverbClient, row: Listing, case: Case, decision: Decision, stock: StockSession) -> Applied:
    """PUT the fields that differ to the listing's own link."""
    assert case.listing is not None  # noqa: S101 -- an update is only decided on a listing
    units = decision.sends.get("stock")
    if units is not None:
        stock.before_put(units)
    try:
        listing, warnings, message = _put(client, case.listing, decision)
    except ReverbError as error:
        if not error.may_have_applied:
            stock.not_put()
        raise
    if listing is None:
        listing = client.listing(case.listing.id)
    if units is not None:
        _believe(listing, units)
        stock.after_put(units)
    keep(row, case, listing, sent=decision.sends, warnings=warnings)
    return Applied(listing, warnings, message, changes_of(case, decision.sends))


def _put(
    client: ReverbClient, listing: ReverbListing, decision: Decision
) -> tuple[ReverbListing | None, list[str], str]:
    """PUT the fields. If Reverb refuses an end, perhaps because of another field, use the call that has no fields."""
    try:
        return client.update(listing, decision.body)
    except Invalid:
        if decision.reason != "ended" or listing.state == "draft":
            raise
        client.end(listing.id)
        return None, [], ""


def _believe(listing: ReverbListing, units: int) -> None:
    """Raise NoAnswer if Reverb reports success and shows another number: it is read back like a lost response.

    If this were accepted, the old number would count as an edit by hand, and add units that do not exist.
    """
    shown = number_of(listing)
    if shown is not None and shown != units:
        raise NoAnswer(f"Reverb shows {shown} units instead of {units}.", may_have_applied=True)


def set_aside(client: ReverbClient, row: Listing, listing: ReverbListing) -> None:
    """Give a listing that sold another SKU, so that a new one can be made at the seller's request.

    Whether Reverb lets the SKU of a sold listing change is not documented. Raises Invalid if it does not.
    """
    client.update(listing, {"sku": f"{row.sku[:200]} (sold {listing.id})"})
    rows.note(row, reverb_id="", link="", state="", snapshot=None, agreed={}, relist_as_new=False, publish_looks=None)
    with ownership.fenced():
        rows.save(row)
        Ledger.objects.filter(listing=row).update(reverb=None, pending_put=None)


def _is_anothers(row: Listing, listing: ReverbListing) -> bool:
    """Return whether the listing in the response to a POST has the SKU of another product of the shop."""
    sku = listing.sku.strip()
    same = Product.objects.filter(shop=row.shop_id, sku=sku, gone_at__isnull=True)
    return bool(sku) and sku != row.sku and same.exclude(pk=row.product_id).exists()


def _sku_is_taken(error: ReverbError) -> bool:
    """Return whether Reverb refuses a listing because of its SKU: it is taken, or not accepted."""
    return isinstance(error, Invalid) and ("sku" in error.field_errors or "sku" in error.message.lower())


def _clear_post(row: Listing) -> None:
    row.post_started_at = None
    lease.save(row, "post_started_at")
