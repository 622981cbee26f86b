"""A review: going through a shop's orders, waiting jobs and products after its settings or a connection changed."""

from __future__ import annotations

from django.db import models

from shops.models import Shop


class Review(models.Model):
    """At most one a shop; it is deleted when it is through. Settings that are saved meanwhile start it over."""

    class Step(models.TextChoices):
        BEGIN = "begin", "what is in hand, crawls and orders"
        WAITING = "waiting", "jobs that wait for the seller"
        PRODUCTS = "products", "products"

    shop = models.OneToOneField(Shop, models.CASCADE, related_name="review")
    step = models.CharField(max_length=8, choices=Step.choices, default=Step.BEGIN)
    #: Primary key of the last product that the step has dealt with.
    after = models.BigIntegerField(default=0)
    #: When the next slice may run.
    due_at = models.DateTimeField(db_index=True)
    failures = models.PositiveIntegerField(default=0, help_text="Failed slices in a row.")

    def __str__(self) -> str:
        return f"review of {self.shop_id}"
