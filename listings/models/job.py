"""A job: the request to check a product that may be out of sync. It does not say what changed."""

from __future__ import annotations

from django.db import models

from listings.models.product import Product
from shops.models import Shop


class Rank(models.IntegerChoices):
    """The order of jobs; a smaller number is more urgent."""

    STOCK_TO_ZERO = 0, "stock to zero"
    STOCK = 10, "stock"
    EDIT = 20, "edit"
    #: An edit that failed for a transient reason. Stock keeps its rank: a sold guitar does not become less urgent.
    RETRY = 25, "retry"
    CATALOGUE = 30, "catalogue"


class Job(models.Model):
    """At most one per product; it is deleted if no request came since it was claimed."""

    product = models.OneToOneField(Product, models.CASCADE, related_name="job")
    shop = models.ForeignKey(Shop, models.CASCADE, related_name="jobs")
    rank = models.PositiveSmallIntegerField(choices=Rank.choices)
    due_at = models.DateTimeField()
    opened_at = models.DateTimeField()
    #: Counts every request. Finishing closes the job only if the count is unchanged since the claim.
    generation = models.PositiveBigIntegerField(default=1)
    attempts = models.PositiveIntegerField(default=0, help_text="Tries since it was last asked for.")
    trigger = models.CharField(max_length=60, blank=True)
    blocked = models.BooleanField(default=False, help_text="The seller must fix something first.")
    #: When a job that waits for the seller is retried automatically; None: not before something has changed.
    retry_due_at = models.DateTimeField(null=True)
    #: The due time to which it was last expedited (listings/queue/expedite.py).
    expedited_at = models.DateTimeField(null=True)
    lease = models.UUIDField(null=True)
    lease_until = models.DateTimeField(null=True)
    worker_lock = models.IntegerField(null=True, help_text="The worker that claimed it, as its lock is called.")

    class Meta:
        indexes = [
            models.Index(fields=["shop", "rank", "due_at"], condition=models.Q(blocked=False), name="jobs_in_order"),
            models.Index(fields=["shop"], condition=models.Q(lease__isnull=False), name="jobs_in_hand"),
            models.Index(
                fields=["retry_due_at"],
                condition=models.Q(blocked=True, retry_due_at__isnull=False),
                name="jobs_to_retry",
            ),
        ]

    def __str__(self) -> str:
        return f"look again at {self.product_id}"
