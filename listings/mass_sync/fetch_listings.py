"""Read the shop's listings on Reverb page by page into an index: SKU → what Reverb has.

The index is not trusted blindly. Reverb's lists lag by seconds and may end early (seen live). So the listings seen are
counted against Reverb's total; if some are missing, listings that the index lacks are looked up individually.
"""

from __future__ import annotations

from django.db import transaction

from listings.models import Indexed, MassSync
from reverbsync import clock
from shops.reverb.client import ReverbClient
from shops.reverb.paging import PAGE

State = MassSync.State


def step(sync: MassSync, client: ReverbClient) -> None:
    """Read one page, and save it with the cursor of the next one. Raises ReverbError."""
    read_at = clock.now()
    rows, total, more = client.index_page(sync.page)
    with transaction.atomic():
        if not sync.goes_on():
            return
        seen = [
            Indexed(sync=sync, reverb_id=row.id, sku=row.sku.strip()[:255], snapshot=row.to_json(), read_at=read_at)
            for row in rows
            if row.id
        ]
        # Pages shift while listings are created: one that appears twice is the same one.
        Indexed.objects.bulk_create(seen, ignore_conflicts=True)
        # If a listing goes, all behind it move up, and one slips to a page that was already read. The counts still
        # match, since the one that is gone was seen.
        sync.incomplete = sync.incomplete or (sync.page > 1 and total < sync.total)
        sync.total, sync.page = total, sync.page + 1
        sync.pages = max(sync.page - 1, -(-total // PAGE))
        if not more:
            sync.incomplete = sync.incomplete or Indexed.objects.filter(sync=sync).count() < total
            sync.state = State.PLANNING
        sync.save(update_fields=["total", "pages", "page", "incomplete", "state"])
