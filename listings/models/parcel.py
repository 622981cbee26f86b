"""A parcel of a Reverb order: a carrier and a tracking number that is sent to Reverb once."""

from __future__ import annotations

from django.db import models

from listings.models.order import Order
from shops.models import Shop


class Parcel(models.Model):
    """One row per order and tracking number, however often it is reported. A pick-up in the shop has no number."""

    class Source(models.TextChoices):
        STORE = "store", "your store"
        SHIPSTATION = "shipstation", "ShipStation"
        HAND = "hand", "typed in here"

    class State(models.TextChoices):
        OPEN = "open", "On its way to Reverb"
        SENT = "sent", "Reverb knows"
        WAITS = "waits", "Waits for you"
        LEFT = "left", "Not sent"

    shop = models.ForeignKey(Shop, models.CASCADE, related_name="parcels")
    order = models.ForeignKey(Order, models.CASCADE, related_name="parcels")
    tracking_number = models.CharField(max_length=100, blank=True)
    pickup = models.BooleanField(default=False)
    carrier = models.CharField(max_length=100, blank=True, help_text="As it was reported to us.")
    provider = models.CharField(max_length=60, blank=True, help_text="A name of Reverb's list.")
    source = models.CharField(max_length=11, choices=Source.choices)
    #: Whether Reverb mails the buyer; None: per the shop's settings when it is sent.
    notify = models.BooleanField(null=True)
    state = models.CharField(max_length=5, choices=State.choices, default=State.OPEN)
    problem = models.CharField(max_length=500, blank=True, help_text="What went wrong, for the seller.")
    reported_at = models.DateTimeField()
    due_at = models.DateTimeField(null=True)
    attempts = models.PositiveIntegerField(default=0)
    #: Set before the call to Reverb, cleared by its response. If still set, the response was lost, and it may be
    #: applied.
    sending_at = models.DateTimeField(null=True)
    sent_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["order", "tracking_number"], name="one_parcel_per_number")]
        indexes = [models.Index(fields=["due_at"], condition=models.Q(due_at__isnull=False), name="parcels_due")]

    def __str__(self) -> str:
        return "picked up" if self.pickup else f"{self.provider or self.carrier} {self.tracking_number}"
