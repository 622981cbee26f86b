"""A listing: which one on Reverb goes with a product, what Reverb last said of it, and what both agreed on."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db import models

from listings.models.product import Product
from shops.models import Shop

#: How long we keep looking for a listing whose POST got no answer before it counts as never made, from when it went
#: out: Reverb may have worked on it for as long as we waited (some 25 seconds), and its search trails (seen live in
#: 2026).
POST_SETTLES = timedelta(seconds=60)


class Listing(models.Model):
    """A product on Reverb. A row without a `reverb_id` is a listing that is still to be found or made."""

    product = models.OneToOneField(Product, models.CASCADE, related_name="listing")
    shop = models.ForeignKey(Shop, models.CASCADE, related_name="listings")
    sku = models.CharField(max_length=255)
    reverb_id = models.CharField(max_length=32, blank=True)
    link = models.URLField(max_length=1000, blank=True, help_text="Its page on Reverb.")
    state = models.CharField(max_length=40, blank=True, help_text="Reverb's own word.")
    snapshot = models.JSONField(null=True, help_text="What Reverb last said (shops.snapshots.ReverbListing).")
    read_at = models.DateTimeField(null=True)
    #: When a page of a mass sync's fetch showed it, or showed that there is none. While it is also when it was last
    #: read, the mass sync need not read it again.
    indexed_at = models.DateTimeField(null=True)
    #: Field → {"sent": what we wanted, "read": what Reverb then showed}: the merge base. `written`: when we sent last.
    agreed = models.JSONField(default=dict)
    warnings = models.JSONField(default=list)
    #: Set before a POST, cleared by its answer. Still set: that answer was lost, and the POST may have been applied.
    post_started_at = models.DateTimeField(null=True)
    #: The seller wants a new listing instead of this one, which sold and is locked for good.
    relist_as_new = models.BooleanField(default=False)
    #: Since when Reverb is known to have it on sale although none is left, and when the owners were mailed about that.
    oversells_since = models.DateTimeField(null=True)
    oversells_notified_at = models.DateTimeField(null=True)
    #: How often we looked whether a listing that Reverb is publishing is live; None when none is being published.
    publish_looks = models.PositiveSmallIntegerField(null=True)

    #: Names of fields that an attempt has changed and not saved yet (listings/sync/rows.py).
    unsaved: frozenset[str] = frozenset()

    class Meta:
        indexes = [
            models.Index(
                fields=["shop"], condition=models.Q(oversells_since__isnull=False), name="listings_that_oversell"
            ),
        ]
        constraints = [
            models.UniqueConstraint(fields=["shop", "sku"], name="one_listing_per_sku"),
            models.UniqueConstraint(
                fields=["shop", "reverb_id"],
                condition=~models.Q(reverb_id=""),
                name="one_product_per_listing",
            ),
        ]

    def __str__(self) -> str:
        return f"listing of {self.sku}"

    def may_turn_up(self, now: datetime) -> bool:
        """Return whether a POST that got no answer may have made a listing that no look-up shows yet."""
        return self.post_started_at is not None and now < self.post_started_at + POST_SETTLES
