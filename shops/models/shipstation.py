"""A shop's way to ShipStation: where it fetches orders and reports parcels, and how it is asked."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.urls import reverse

from reverbsync.security.encrypted_field import SecretField
from shops.models.connections import unguessable
from shops.models.shop import Shop


class ShipStation(models.Model):
    """One row a shop. The custom store needs user and password, the webhook an API key and its secret."""

    shop = models.OneToOneField(Shop, models.CASCADE, related_name="shipstation")
    hook_key = models.CharField(max_length=64, unique=True, default=unguessable)
    #: Made here and shown once; ShipStation proves with them that it is ShipStation. Empty: there is no custom store.
    user = models.CharField(max_length=40, blank=True)
    password = SecretField(default="", help_text="What ShipStation calls our custom store with.")
    api_key = SecretField(default="", help_text="ShipStation's V1 API key.")
    api_secret = SecretField(default="", help_text="Its secret.")
    #: ShipStation's own number of our webhook there; empty: the seller must add it by hand, `problem` says why.
    hook_id = models.CharField(max_length=40, blank=True)
    problem = models.CharField(max_length=300, blank=True)
    fetched_at = models.DateTimeField(null=True, help_text="When ShipStation last fetched orders.")
    reported_at = models.DateTimeField(null=True, help_text="When it last reported a parcel.")
    refused_calls = models.PositiveBigIntegerField(default=0)

    class Meta:
        verbose_name_plural = "ShipStations"

    def __str__(self) -> str:
        return f"ShipStation of {self.shop}"

    @property
    def store_address(self) -> str:
        """The address of our custom store, for ShipStation's settings."""
        return settings.SITE_URL + reverse("webhooks:shipstation_store", args=[self.hook_key])

    @property
    def hook_address(self) -> str:
        """The address that ShipStation's webhook calls."""
        return settings.SITE_URL + reverse("webhooks:shipstation_hook", args=[self.hook_key])


class ShipStationNotice(models.Model):
    """A call of ShipStation's webhook, kept until the parcels that it hints at were asked for."""

    shipstation = models.ForeignKey(ShipStation, models.CASCADE, related_name="notices")
    #: What to ask /shipments for, such as {"batchId": "1"}: from the address in the call, which itself is not called.
    query = models.JSONField()
    received_at = models.DateTimeField()
    due_at = models.DateTimeField()
    attempts = models.PositiveIntegerField(default=0)

    class Meta:
        indexes = [models.Index(fields=["due_at"], name="notices_by_due_time")]

    def __str__(self) -> str:
        return f"notice of {self.shipstation_id}"
