"""A shop's two connections: to its store and to Reverb. Their secrets are encrypted at rest."""

from __future__ import annotations

import hashlib
import secrets

from django.conf import settings
from django.db import models
from django.urls import reverse

from reverbsync.secrets import SecretField
from shops.models.shop import Shop


def unguessable() -> str:
    """Return a new part of an address that nobody can guess (192 bits)."""
    return secrets.token_urlsafe(24)


class StoreConnection(models.Model):
    """How the seller's store is reached, and how it reaches us."""

    shop = models.OneToOneField(Shop, models.CASCADE, related_name="store")
    platform = models.CharField(max_length=20)
    address = models.CharField(max_length=255, help_text="The store's own host name or address.")
    token = SecretField(help_text="Lets us ask the store.")
    secret = SecretField(help_text="Signs what the store sends us.")
    hook_key = models.CharField(max_length=64, unique=True, default=unguessable)
    removed_at = models.DateTimeField(null=True, blank=True)
    #: Calls to the webhook address that bore no right signature. They leave nothing else.
    refused_deliveries = models.PositiveBigIntegerField(default=0)

    def __str__(self) -> str:
        return f"{self.platform} {self.address}"

    @property
    def webhook_address(self) -> str:
        """The address that the store posts to."""
        return settings.SITE_URL + reverse("webhooks:store", args=[self.hook_key])


class ReverbConnection(models.Model):
    """How the seller's Reverb account is reached."""

    shop = models.OneToOneField(Shop, models.CASCADE, related_name="reverb")
    token = SecretField(help_text="The seller's personal access token.")
    account = models.CharField(max_length=120, blank=True, help_text="Name of the shop on Reverb.")
    account_id = models.CharField(max_length=64, blank=True, help_text="Reverb's id of the account, where it said so.")
    problem = models.CharField(max_length=40, blank=True, help_text="Id of a reason in shops/reverb/connect.py.")
    checked_at = models.DateTimeField(null=True, blank=True)

    def __str__(self) -> str:
        return self.account or "Reverb account"

    @property
    def budget(self) -> str:
        """Name of the account's part of the pace: all its shops and tokens share it. It does not tell the token."""
        if self.account_id:
            return f"account-{self.account_id}"
        return hashlib.sha256(self.token.get_secret_value().encode()).hexdigest()[:16]
