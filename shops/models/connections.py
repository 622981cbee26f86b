"""A shop's two connections: to its store and to Reverb. Their secrets are encrypted at rest."""

from __future__ import annotations

import hashlib
import secrets
from datetime import timedelta

from django.conf import settings
from django.db import models
from django.urls import reverse

from reverbsync.security.encrypted_field import SecretField
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
    #: Since when what is stored of the store that was connected before is being deleted; nothing is synced meanwhile.
    clearing_since = models.DateTimeField(null=True, blank=True)
    name = models.CharField(max_length=255, blank=True, help_text="What the store calls itself.")
    currency = models.CharField(max_length=3, blank=True, help_text="ISO 4217; empty: the store did not say.")
    problem = models.CharField(
        max_length=300, blank=True, help_text="Why the store could not be asked, for the seller."
    )
    #: What the last check of the webhooks found (shops.hooks.Hooks), and when the next one is due.
    hooks = models.JSONField(default=dict, blank=True)
    hooks_checked_at = models.DateTimeField(null=True, blank=True)
    hooks_due_at = models.DateTimeField(null=True, blank=True)
    #: Calls to the webhook address that bore no right signature. They leave nothing else.
    refused_deliveries = models.PositiveBigIntegerField(default=0)
    #: Sales on Reverb from this moment on are made in this store as orders; None while orders are not taken.
    orders_since = models.DateTimeField(null=True, blank=True)

    def __str__(self) -> str:
        return f"{self.platform} {self.address}"

    @property
    def webhook_address(self) -> str:
        """The address that the store posts to."""
        return settings.SITE_URL + reverse("webhooks:store", args=[self.hook_key])


class FormerStore(models.Model):
    """A store that another one took the place of: its keys are kept until our webhooks are removed there, and for a
    while its webhook address, so that late calls are not refused.
    """

    #: For how long calls of a store that another one took the place of are answered, where they could not be stopped.
    CALLS_FOR = timedelta(days=30)

    shop = models.ForeignKey(Shop, models.CASCADE, related_name="+")
    platform = models.CharField(max_length=20)
    address = models.CharField(max_length=255)
    token = SecretField(help_text="Lets us ask the store.")
    secret = SecretField(help_text="Signs what the store sends us.")
    hook_key = models.CharField(max_length=64, db_index=True)
    left_at = models.DateTimeField()
    due_at = models.DateTimeField(db_index=True)

    def __str__(self) -> str:
        return f"{self.platform} {self.address}"

    @property
    def connection(self) -> StoreConnection:
        """The connection as it was, not to be saved."""
        fields = ("shop", "platform", "address", "token", "secret", "hook_key")
        return StoreConnection(**{name: getattr(self, name) for name in fields})


class ReverbConnection(models.Model):
    """How the seller's Reverb account is reached."""

    shop = models.OneToOneField(Shop, models.CASCADE, related_name="reverb")
    token = SecretField(help_text="The seller's personal access token, or the one that Reverb gave our app.")
    by_oauth = models.BooleanField(default=False, help_text="Reverb gave the token to our app.")
    sandbox = models.BooleanField(default=False, help_text="An account of Reverb's sandbox, where nothing is real.")
    currency = models.CharField(max_length=3, blank=True, help_text="ISO 4217, where Reverb shows it.")
    account = models.CharField(max_length=120, blank=True, help_text="Name of the shop on Reverb.")
    account_id = models.CharField(max_length=64, blank=True, help_text="Reverb's id of the account, where it said so.")
    problem = models.CharField(max_length=40, blank=True, help_text="Id of a reason in shops/reverb/connect.py.")
    checked_at = models.DateTimeField(null=True, blank=True)
    #: Reverb signs nothing: this part of the webhook address is the only proof that a call comes from there.
    hook_key = models.CharField(max_length=64, unique=True, default=unguessable)
    #: What the last check of the webhooks found (shops.hooks.Hooks), and when the next one is due.
    hooks = models.JSONField(default=dict, blank=True)
    hooks_checked_at = models.DateTimeField(null=True, blank=True)
    hooks_due_at = models.DateTimeField(null=True, blank=True)
    #: All orders that changed on Reverb before this moment have been read; and when they are read next.
    orders_read_at = models.DateTimeField(null=True, blank=True)
    orders_due_at = models.DateTimeField(null=True, blank=True)
    #: Sales whose row could not be read: number → since when, how often it was asked for, and when it is next.
    orders_unread = models.JSONField(default=dict, blank=True)
    #: When calls about orders and listings last arrived, and when reading the orders last found what none reported.
    order_called_at = models.DateTimeField(null=True, blank=True)
    listing_called_at = models.DateTimeField(null=True, blank=True)
    order_missed_at = models.DateTimeField(null=True, blank=True)
    #: Since when what is known of the listings of the account that was connected before is being let go of; nothing is
    #: written meanwhile.
    clearing_since = models.DateTimeField(null=True, blank=True)
    #: Since when Reverb responds again; set until what waited for it was made due.
    back_at = models.DateTimeField(null=True, blank=True)

    def __str__(self) -> str:
        return self.account or "Reverb account"

    @property
    def api_url(self) -> str:
        """Root of the API that this account lives on."""
        return settings.REVERB_SANDBOX_API_URL if self.sandbox else settings.REVERB_API_URL

    @property
    def web_url(self) -> str:
        """Root of the website that this account lives on."""
        return settings.REVERB_SANDBOX_WEB_URL if self.sandbox else settings.REVERB_WEB_URL

    @property
    def webhook_address(self) -> str:
        """The address that Reverb posts to; a topic may follow it."""
        return settings.SITE_URL + reverse("webhooks:reverb", args=[self.hook_key])

    @property
    def budget(self) -> str:
        """Name of the account's budget: all its shops and tokens share it. It does not show the token."""
        if self.account_id:
            return f"{'sandbox-' if self.sandbox else ''}account-{self.account_id}"
        return hashlib.sha256(self.token.get_secret_value().encode()).hexdigest()[:16]


class PendingConnection(models.Model):
    """A connection that is being made: what must be remembered between two steps of a handshake, for some minutes."""

    state = models.CharField(max_length=64, unique=True, default=unguessable)
    #: Who began it, and for which shop; both empty where it began at the platform.
    shop = models.ForeignKey(Shop, models.CASCADE, null=True, related_name="+")
    person = models.ForeignKey("shops.Person", models.CASCADE, null=True, related_name="+")
    platform = models.CharField(max_length=20)
    address = models.CharField(max_length=255, blank=True)
    kept = SecretField(default="", help_text="JSON: what an earlier step gave, or the keys that wait for a shop.")
    made_at = models.DateTimeField()
    used_at = models.DateTimeField(null=True)
    problem = models.CharField(max_length=300, blank=True)

    def __str__(self) -> str:
        return f"{self.platform} {self.address}"
