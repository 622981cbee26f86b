"""A review of a shop's orders, waiting jobs and products after its settings or a connection changed."""

from __future__ import annotations

from django.db import models

from shops.models import Shop


class Review(models.Model):
    """At most one per shop; it is deleted on completion. Settings that are saved meanwhile restart it."""

    class Step(models.TextChoices):
        BEGIN = "begin", "what is in hand, crawls and orders"
        WAITING = "waiting", "jobs that wait for the seller"
        PRODUCTS = "products", "products"

    shop = models.OneToOneField(Shop, models.CASCADE, related_name="review")
    step = models.CharField(max_length=8, choices=Step.choices, default=Step.BEGIN)
    #: Primary key of the last product that the step has processed.
    after = models.BigIntegerField(default=0)
    #: When the next slice may run.
    due_at = models.DateTimeField(db_index=True)
    failures = models.PositiveIntegerField(default=0, help_text="Failed slices in a row.")

    def __str__(self) -> str:
        return f"review of {self.shop_id}"
