"""Save what Reverb says of a listing, and what both sides agree on."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from listings.models import Listing
from listings.sync import rows
from listings.sync.decision import WRITTEN, Case
from listings.sync.differences import agree, already_agreed
from reverbsync import clock
from shops.reverb import read
from shops.snapshots import ReverbListing

#: Fields that other rows are looked up by, and that prevent a second listing. They are saved at once.
AT_ONCE = frozenset({"reverb_id", "sku", "post_started_at"})


def keep(
    row: Listing,
    case: Case,
    listing: ReverbListing,
    *,
    sent: Mapping[str, Any] | None = None,
    warnings: list[str] | None = None,
) -> None:
    """Note what Reverb says now and what is agreed on. `warnings` None leaves the last ones.

    The identifying fields are saved at once, all others at the end of the attempt: what is lost until then is read
    again.
    """
    agreed = agree(case, sent, listing) if sent else already_agreed(case)
    if sent and agreed:
        agreed[WRITTEN] = {"sent": clock.now().timestamp()}
    rows.note(
        row,
        reverb_id=listing.id or read.id_in(listing.self_url),
        sku=_sku_of(row, listing.sku.strip() or (sent or {}).get("sku") or row.sku),
        link=listing.web_url[:1000],
        state=listing.state[:40],
        snapshot=listing.to_json(),
        read_at=clock.now(),
        agreed={**row.agreed, **agreed},
        post_started_at=None,
        warnings=row.warnings if warnings is None else warnings,
    )
    if row.unsaved & AT_ONCE:
        rows.save(row)


def keep_agreed(row: Listing, case: Case) -> None:
    """Note what is agreed on without a call, for a listing that `keep` has noted."""
    rows.note(row, agreed={**row.agreed, **already_agreed(case)})


def _sku_of(row: Listing, sku: str) -> str:
    """Return the SKU to save for a listing: the old one if another listing of the shop is known by the new one."""
    sku = sku[:255]
    if sku != row.sku and Listing.objects.filter(shop=row.shop_id, sku=sku).exclude(pk=row.pk).exists():
        return row.sku
    return sku
