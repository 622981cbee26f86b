"""A delivery: one webhook call as it arrived."""

from __future__ import annotations

from django.db import models

from shops.events import Urgency
from shops.models import Shop


class Delivery(models.Model):
    """Saved before the call is answered, processed afterwards."""

    class State(models.TextChoices):
        OPEN = "open", "Open"
        DONE = "done", "Worked off"
        IGNORED = "ignored", "Of a topic that means nothing to us"
        UNREADABLE = "unreadable", "Signed, but not readable"
        DEAD = "dead", "Put aside after too many tries"

    #: The constraint "one_delivery_per_id" starts with it, so its own index would only cost time.
    shop = models.ForeignKey(Shop, models.CASCADE, related_name="deliveries", db_index=False)
    source = models.CharField(max_length=10, help_text="store or reverb")
    #: The platform's own id, which a redelivery repeats.
    delivery_id = models.CharField(max_length=200)
    topic = models.CharField(max_length=100)
    body = models.BinaryField()
    received_at = models.DateTimeField()
    #: Processing order: see Urgency.
    rank = models.PositiveSmallIntegerField(default=Urgency.PRODUCT)
    state = models.CharField(max_length=10, choices=State.choices, default=State.OPEN)
    note = models.CharField(max_length=300, blank=True, help_text="Why it could not be worked off.")
    attempts = models.PositiveIntegerField(default=0)
    #: Failed tries that are its own fault; those for which the store or Reverb did not answer are not counted.
    faults = models.PositiveIntegerField(default=0)
    due_at = models.DateTimeField()
    done_at = models.DateTimeField(null=True)

    class Meta:
        verbose_name_plural = "deliveries"
        constraints = [
            models.UniqueConstraint(fields=["shop", "source", "delivery_id"], name="one_delivery_per_id"),
        ]
        indexes = [
            models.Index(fields=["shop", "rank", "id"], condition=models.Q(state="open"), name="deliveries_in_order"),
            models.Index(
                fields=["shop"], condition=models.Q(state__in=["dead", "unreadable"]), name="deliveries_put_aside"
            ),
            models.Index(fields=["received_at"], name="deliveries_by_age"),
        ]

    def __str__(self) -> str:
        return f"{self.topic} {self.delivery_id}"
