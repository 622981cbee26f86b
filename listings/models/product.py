"""A product: one sellable unit of the store, and what the store last said about it."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from django.db import models

from reverbsync import clock
from shops.models import Shop
from shops.snapshots import StoreProduct

#: How far a moment may be in the future and still be true: clocks of one database agree far better than that.
AHEAD = timedelta(minutes=1)


class Product(models.Model):
    """One sellable unit of a shop's store."""

    shop = models.ForeignKey(Shop, models.CASCADE, related_name="products")
    store_product_id = models.CharField(max_length=64)
    store_parent_id = models.CharField(max_length=64)
    store_stock_id = models.CharField(max_length=64, blank=True)
    sku = models.CharField(max_length=255, blank=True)
    title = models.CharField(max_length=600)
    snapshot = models.JSONField(help_text="What the store last said (shops.snapshots.StoreProduct).")
    #: When the read of the snapshot began. An earlier read never replaces a later one.
    read_at = models.DateTimeField()
    #: When a read last brought news: another snapshot, or that it is gone. None: not since this is recorded.
    news_at = models.DateTimeField(null=True, blank=True)
    #: Since when the store's number is the one of the snapshot, as far as our reads show; None: unknown.
    stock_since = models.DateTimeField(null=True, blank=True)
    #: When the store last reported a change: for a while after that, a stale response may hide it.
    reported_at = models.DateTimeField(null=True, blank=True)
    gone_at = models.DateTimeField(null=True, blank=True)
    #: When it is read again, because of its own date such as the end of a sale, or since a response may have been
    #: stale.
    next_change_at = models.DateTimeField(null=True, blank=True)
    #: When the sync last processed it.
    looked_at = models.DateTimeField(null=True, blank=True)
    #: Found by the first import and not on Reverb yet: its sync starts when the seller starts it, or when it changes.
    pending_first_sync = models.BooleanField(default=False)
    #: The seller's choice for this product; empty: the shop's selection decides.
    choice = models.CharField(max_length=3, blank=True, choices=[("on", "always"), ("off", "never")])
    #: The seller's own values for its listing: field → value.
    overrides = models.JSONField(default=dict, blank=True)
    #: The seller's own numbers for its stock on Reverb; None: the shop's (SyncSettings).
    stock_buffer = models.PositiveIntegerField(null=True, blank=True)
    stock_maximum = models.PositiveIntegerField(null=True, blank=True)
    #: Id of the reason why it waits for the seller, empty if it does not.
    waits_for = models.CharField(max_length=40, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["shop", "store_product_id"], name="one_product_per_store_id"),
        ]
        indexes = [
            models.Index(fields=["shop", "id"], name="products_in_order"),
            models.Index(fields=["shop", "sku"], name="products_by_sku"),
            models.Index(fields=["shop", "store_parent_id"], name="products_by_parent"),
            models.Index(fields=["shop", "store_stock_id"], name="products_by_stock_id"),
            models.Index(
                fields=["next_change_at"],
                name="products_by_next_change",
                condition=models.Q(next_change_at__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        return self.title

    def was_read_after(self, moment: datetime) -> bool:
        """Return whether a later read is known. One in the future is ignored: a clock was wrong."""
        return moment < self.read_at <= clock.now() + AHEAD

    @property
    def may_share_stock(self) -> bool:
        """Return whether its stock may be counted at its parent, together with that of other variants."""
        return self.store_product_id != self.store_parent_id and self.store_stock_id.endswith(self.store_parent_id)

    @property
    def seen(self) -> StoreProduct:
        """What the store last said."""
        known: tuple[dict[str, Any], StoreProduct] | None = self.__dict__.get("_seen")
        if known is None or known[0] is not self.snapshot:  # parsed once, though an attempt uses it a dozen times
            known = self.__dict__["_seen"] = self.snapshot, StoreProduct.from_json(self.snapshot)
        return known[1]
