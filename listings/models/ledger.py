"""The ledger of a listing's stock: what both sides agreed on last, and which of our writes are still unanswered."""

from __future__ import annotations

from typing import Any

from django.db import models

from listings.models.listing import Listing

#: What a column holds.
MOST = 2**31 - 1


class Ledger(models.Model):
    """One row a listing whose stock syncs (listings/stock/merge.py describes how it is reckoned)."""

    listing = models.OneToOneField(Listing, models.CASCADE, related_name="ledger")
    #: Units that may be sold on either side. Below zero: so many were sold on both.
    units = models.IntegerField()
    #: The store's own number when that was agreed.
    store = models.IntegerField()
    #: Reverb's own number when that was agreed; None while nothing was ever written or read there.
    reverb = models.IntegerField(null=True)
    #: The listing held a single unit then, as a used one does: as one of several it shows a number of its own.
    single_unit = models.BooleanField(default=False)
    #: Units that vanished on Reverb without a known order. They count at once; an order that shows late explains them.
    unexplained_drop = models.PositiveIntegerField(default=0)
    dropped_at = models.DateTimeField(null=True)
    #: Units that appeared on Reverb without a known reason. They count once no order has explained them for a while.
    unexplained_gain = models.PositiveIntegerField(default=0)
    gained_at = models.DateTimeField(null=True)
    #: When we last set Reverb's number, or it was last news to us, by Reverb's clock: a sale from before may be in it
    #: already, or may have been overwritten.
    set_at = models.DateTimeField(null=True)
    #: Reverb's numbers of the ten minutes before that: an answer of its may still show one of them.
    before = models.JSONField(default=list)
    #: The number that we are setting on Reverb; still there: its answer was lost, and it may have been applied.
    pending_put = models.IntegerField(null=True)
    #: Since when nothing shows whether it was applied.
    undecided_at = models.DateTimeField(null=True)
    #: The adjustment that we are making in the store: {"by", "units", "location", "there", "reference"}. Still there:
    #: the same as above.
    pending_adjustment = models.JSONField(null=True)
    #: Counts our adjustments, so that each has a reference of its own.
    serial = models.PositiveIntegerField(default=0)
    #: When and by how much we last changed the store's stock: what the store reports right after is our own echo.
    wrote_store_at = models.DateTimeField(null=True)
    wrote_by = models.IntegerField(default=0)
    #: Units by which the store's own number is below zero for sales that crossed our change of it: it did not know yet
    #: that they were sold on Reverb. All other units below zero are backorders, which the store sold knowingly.
    crossed = models.PositiveIntegerField(default=0)
    #: Since when the store could not be changed as far as it should be; None while it has what it is to have.
    behind_since = models.DateTimeField(null=True)
    #: When the seller was mailed that it could not.
    behind_notified_at = models.DateTimeField(null=True)
    #: Oversold units of which the seller has been notified.
    oversold_notified = models.PositiveIntegerField(default=0)
    #: The seller was notified before Reverb showed all of its orders; notified again once it does.
    oversold_unnamed = models.BooleanField(default=False)
    #: The store did not answer when the seller was notified; notified again once it does.
    oversold_unanswered = models.BooleanField(default=False)
    linked_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"stock of {self.listing_id}"

    def save(self, *arguments: Any, **options: Any) -> None:
        """Save it, with numbers that the columns hold."""
        self.cap()
        super().save(*arguments, **options)

    def cap(self) -> None:
        """Cut what no column holds: sums of odd numbers from outside may be larger."""
        for name in ("units", "store", "reverb", "pending_put", "wrote_by"):
            number = getattr(self, name)
            if number is not None and abs(number) > MOST:
                setattr(self, name, MOST if number > 0 else -MOST)

    @classmethod
    def of(cls, row: Listing) -> Ledger | None:
        """Return the ledger of a listing, as it was read with it (`select_related`); None where it has none."""
        found: Ledger | None = getattr(row, "ledger", None)
        return found

    @property
    def oversold(self) -> int:
        """Units that were sold on both sides. What the store sold beyond its own stock alone is a backorder."""
        return max(0, -self.units - max(0, -self.store - self.crossed))
