"""A listing: which one on Reverb belongs to a product, what Reverb last said, and what both agreed on."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db import models

from listings.models.product import Product
from shops.models import Shop

#: How long after its start a POST without a response may still show its listing; after that it counts as not made.
#: Reverb may have worked on it for as long as we waited (some 25 seconds), and its search lags (seen live in 2026).
POST_SETTLES = timedelta(seconds=60)


class Listing(models.Model):
    """A product on Reverb. A row without a `reverb_id` is a listing that is yet to be found or created."""

    product = models.OneToOneField(Product, models.CASCADE, related_name="listing")
    shop = models.ForeignKey(Shop, models.CASCADE, related_name="listings")
    sku = models.CharField(max_length=255)
    reverb_id = models.CharField(max_length=32, blank=True)
    link = models.URLField(max_length=1000, blank=True, help_text="Its page on Reverb.")
    state = models.CharField(max_length=40, blank=True, help_text="Reverb's own word.")
    snapshot = models.JSONField(null=True, help_text="What Reverb last said (shops.snapshots.ReverbListing).")
    read_at = models.DateTimeField(null=True)
    #: When a page of a mass sync's fetch showed it, or showed that there is none. While `read_at` is the same, the mass
    #: sync need not read it again.
    indexed_at = models.DateTimeField(null=True)
    #: Field → {"sent": what we wanted, "read": what Reverb then showed}: the merge base. `written`: when we sent last.
    agreed = models.JSONField(default=dict)
    warnings = models.JSONField(default=list)
    #: Set before a POST, cleared by its response. If still set, the response was lost, and the POST may have been
    #: applied.
    post_started_at = models.DateTimeField(null=True)
    #: The seller wants a new listing instead of this one, which sold and is locked for good.
    relist_as_new = models.BooleanField(default=False)
    #: Since when Reverb has it on sale although no unit is left, and when the owners were mailed about that.
    oversells_since = models.DateTimeField(null=True)
    oversells_notified_at = models.DateTimeField(null=True)
    #: How often a listing being published was checked for being live; None if none is being published.
    publish_looks = models.PositiveSmallIntegerField(null=True)

    #: Names of changed fields that are not saved yet (listings/sync/rows.py).
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
        """Return whether a POST without a response may have made a listing that is not visible yet."""
        return self.post_started_at is not None and now < self.post_started_at + POST_SETTLES
