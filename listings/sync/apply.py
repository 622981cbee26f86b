"""Make the call that was decided on, and keep what Reverb answered."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from listings.models import Ledger, Listing
from listings.stock.turn import Turn
from listings.sync import payload, rows
from listings.sync.decide import Case, Decision, agree, already_agreed
from reverbsync import clock
from shops.models import FIELDS
from shops.pictures import ReverbListing
from shops.reverb import read
from shops.reverb.client import ReverbClient
from shops.reverb.errors import Invalid, NoAnswer, Paced, Passing, ReverbError

#: What others look rows up by, and what keeps a second listing from being made.
AT_ONCE = frozenset({"reverb_id", "sku", "post_started_at"})


class PostUnsettled(Passing):
    """A POST may have made the listing; it is not repeated before that is known."""


@dataclass(frozen=True)
class Applied:
    """What Reverb made of a call."""

    listing: ReverbListing
    warnings: list[str]
    message: str
    changes: list[dict[str, Any]]


def wait_for_lost_post(row: Listing) -> None:
    """Raise PostUnsettled while a POST without an answer may have made a listing that does not show yet.

    Whatever has become of the product meanwhile: what sold out is to be taken off sale, if it is on sale.
    """
    if row.may_turn_up(clock.now()):
        raise PostUnsettled("An earlier try may have made the listing.")


def create(client: ReverbClient, row: Listing, case: Case, decision: Decision, stock: Turn) -> Applied:
    """POST the listing, once."""
    earlier = row.post_started_at

    def goes_out() -> None:
        # Not before the pace has let it through: who dies waiting for that leaves nothing to be looked for.
        row.post_started_at = clock.now()
        row.save(update_fields=["post_started_at"])
        stock.before_put(decision.sends["stock"])

    try:
        listing, warnings, message = client.create(decision.body, goes_out=goes_out)
    except ReverbError as error:
        if row.post_started_at == earlier:
            raise  # it never went out
        if isinstance(error, Invalid) and ("sku" in error.field_errors or "sku" in error.message.lower()):
            # Reverb has a listing with this SKU that its search does not show yet.
            raise PostUnsettled(error.message) from None
        if not _maybe_made(error):
            _clear_post(row)
            stock.not_put()
        raise
    if listing is None:
        raise NoAnswer("Reverb's answer named no listing.", maybe_done=True)
    stock.after_put(decision.sends["stock"])
    keep(row, case, listing, sent=decision.sends, warnings=warnings)
    return Applied(listing, warnings, message, _changes(case, decision.sends))


def update(client: ReverbClient, row: Listing, case: Case, decision: Decision, stock: Turn) -> Applied:
    """PUT the fields that differ to the listing's own link."""
    assert case.listing is not None  # noqa: S101 -- an update is only decided on a listing
    link = case.listing.self_url or f"/listings/{case.listing.id}"
    units = decision.sends.get("stock")
    if units is not None:
        stock.before_put(units)
    try:
        listing, warnings, message = client.update(link, decision.body)
    except ReverbError as error:
        if not _maybe_put(error):
            stock.not_put()
        raise
    if units is not None:
        stock.after_put(units)
    if listing is None:
        listing = client.listing(case.listing.id)
    keep(row, case, listing, sent=decision.sends, warnings=warnings)
    return Applied(listing, warnings, message, _changes(case, decision.sends))


def set_aside(client: ReverbClient, row: Listing, listing: ReverbListing) -> None:
    """Give a listing that sold another SKU, so that a new one can be made; the seller asked for it.

    Whether Reverb lets a sold listing's SKU change is not documented. Raises Invalid where it does not.
    """
    link = listing.self_url or f"/listings/{listing.id}"
    client.update(link, {"sku": f"{row.sku[:200]} (sold {listing.id})"})
    rows.note(row, reverb_id="", link="", state="", picture=None, agreed={}, anew=False, publish_looks=None)
    rows.save(row)
    Ledger.objects.filter(listing=row).update(reverb=None, putting=None)


def keep(
    row: Listing,
    case: Case,
    listing: ReverbListing,
    *,
    sent: Mapping[str, Any] | None = None,
    warnings: list[str] | None = None,
) -> None:
    """Note what Reverb says now and what is agreed on. `warnings` None leaves the last ones.

    Which listing it is is saved at once, all else with the end of the attempt: what is lost till then is read again.
    """
    agreed = agree(case, sent, listing) if sent else already_agreed(case)
    rows.note(
        row,
        reverb_id=listing.id or read.id_in(listing.self_url),
        sku=listing.sku.strip() or (sent or {}).get("sku") or row.sku,
        link=listing.web_url[:1000],
        state=listing.state[:40],
        picture=listing.kept(),
        read_at=clock.now(),
        agreed={**row.agreed, **agreed},
        post_started_at=None,
        warnings=row.warnings if warnings is None else warnings,
    )
    if row.unsaved & AT_ONCE:
        rows.save(row)


def _maybe_made(error: ReverbError) -> bool:
    """Tell whether a POST that failed may have made the listing: 429 and 503 turn a call away at the door."""
    if isinstance(error, Paced) or not isinstance(error, Passing):
        return False
    return error.maybe_done if isinstance(error, NoAnswer) else error.status not in (429, 503)


def _maybe_put(error: ReverbError) -> bool:
    """Tell whether a PUT that failed may have been applied all the same."""
    if isinstance(error, NoAnswer):
        return error.maybe_done
    return _maybe_made(error)


def _clear_post(row: Listing) -> None:
    row.post_started_at = None
    row.save(update_fields=["post_started_at"])


def _changes(case: Case, sent: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return what the entry tells: each field with its value before, as far as Reverb said, and after."""
    told = []
    for name, value in sent.items():
        if name == "publish" or (name == "sku" and case.listing is None):
            continue
        before = None
        if case.listing is not None:
            before = case.listing.inventory if name == "stock" else payload.shown(case.listing, name, value)
        label = FIELDS.get(name, name.upper())
        told.append({"field": label, "before": _told(before, case.names), "after": _told(value, case.names)})
    return told


def _told(value: Any, names: Mapping[str, str]) -> str:
    if value is None:
        return ""
    if isinstance(value, list):
        return f"{len(value)} photo{'s' if len(value) != 1 else ''}"
    text = names.get(str(value), str(value))
    return text if len(text) <= 120 else text[:117] + "…"
