"""The stock ledger of a listing: what both sides last agreed on, and which of our writes lack a response."""

from __future__ import annotations

from typing import Any

from django.db import models

from listings.models.listing import Listing

#: The maximum of a column.
MOST = 2**31 - 1


class Ledger(models.Model):
    """One row per listing whose stock syncs (listings/stock/merge.py describes the rule)."""

    listing = models.OneToOneField(Listing, models.CASCADE, related_name="ledger")
    #: Units that may be sold on either side. Negative: that many were sold on both.
    units = models.IntegerField()
    #: The store's own number when that was agreed.
    store = models.IntegerField()
    #: Reverb's own number when that was agreed; None if it was never written or read.
    reverb = models.IntegerField(null=True)
    #: The listing then held a single unit, as a used one does. If it holds several later, its number is a new one.
    single_unit = models.BooleanField(default=False)
    #: Units that vanished on Reverb without a known order. They count at once; an order that appears late explains
    #: them.
    unexplained_drop = models.PositiveIntegerField(default=0)
    dropped_at = models.DateTimeField(null=True)
    #: Units that appeared on Reverb without a known reason. They count once no order has explained them for a while.
    unexplained_gain = models.PositiveIntegerField(default=0)
    gained_at = models.DateTimeField(null=True)
    #: When we last set Reverb's number, or a read last brought news of it, by Reverb's clock: the number may already
    #: contain an earlier sale, or have overwritten it.
    set_at = models.DateTimeField(null=True)
    #: Reverb's numbers of the ten minutes before that: a stale response may still show one of them.
    before = models.JSONField(default=list)
    #: The number that we are setting on Reverb; if still set, the response was lost, and it may have been applied.
    pending_put = models.IntegerField(null=True)
    #: Since when it is undecided whether that was applied.
    undecided_at = models.DateTimeField(null=True)
    #: The stock adjustment in flight: {"by", "units", "location", "there", "reference"}. If still set, the response was
    #: lost, as above.
    pending_adjustment = models.JSONField(null=True)
    #: Counts our adjustments, so that each has its own reference.
    serial = models.PositiveIntegerField(default=0)
    #: When and by how much we last changed the store's stock: a report right after that is our own echo.
    wrote_store_at = models.DateTimeField(null=True)
    wrote_by = models.IntegerField(default=0)
    #: Units by which the store's own number is below zero for sales that crossed our change: the store did not know yet
    #: that they were sold on Reverb. All other units below zero are backorders, which the store sold knowingly.
    crossed = models.PositiveIntegerField(default=0)
    #: Since when the store lacks a stock change that could not be made; None if it lacks nothing.
    behind_since = models.DateTimeField(null=True)
    #: When the seller was mailed about that.
    behind_notified_at = models.DateTimeField(null=True)
    #: Oversold units of which the seller has been notified.
    oversold_notified = models.PositiveIntegerField(default=0)
    #: The seller was notified before all of Reverb's orders were visible, and is notified again once they are.
    oversold_unnamed = models.BooleanField(default=False)
    #: The store did not respond when the seller was notified, who is notified again once it does.
    oversold_unanswered = models.BooleanField(default=False)
    linked_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"stock of {self.listing_id}"

    def save(self, *arguments: Any, **options: Any) -> None:
        """Save it, with numbers clamped to what the columns hold."""
        self.cap()
        super().save(*arguments, **options)

    def cap(self) -> None:
        """Clamp numbers that exceed the columns: sums of odd external numbers may."""
        for name in ("units", "store", "reverb", "pending_put", "wrote_by"):
            number = getattr(self, name)
            if number is not None and abs(number) > MOST:
                setattr(self, name, MOST if number > 0 else -MOST)

    @classmethod
    def of(cls, row: Listing) -> Ledger | None:
        """Return the ledger loaded with a listing (`select_related`); None if it has none."""
        found: Ledger | None = getattr(row, "ledger", None)
        return found

    @property
    def oversold(self) -> int:
        """Units that were sold on both sides. What the store alone sold beyond its stock is a backorder."""
        return max(0, -self.units - max(0, -self.store - self.crossed))
