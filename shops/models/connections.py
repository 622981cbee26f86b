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
    """Return a new unguessable URL part (192 bits)."""
    return secrets.token_urlsafe(24)


class StoreConnection(models.Model):
    """Address and keys of the seller's store, and its webhooks."""

    shop = models.OneToOneField(Shop, models.CASCADE, related_name="store")
    platform = models.CharField(max_length=20)
    address = models.CharField(max_length=255, help_text="The store's own host name or address.")
    token = SecretField(help_text="Lets us ask the store.")
    secret = SecretField(help_text="Signs what the store sends us.")
    hook_key = models.CharField(max_length=64, unique=True, default=unguessable)
    removed_at = models.DateTimeField(null=True, blank=True)
    #: Since when data of the previously connected store is being deleted; nothing is synced meanwhile.
    clearing_since = models.DateTimeField(null=True, blank=True)
    name = models.CharField(max_length=255, blank=True, help_text="What the store calls itself.")
    currency = models.CharField(max_length=3, blank=True, help_text="ISO 4217; empty: the store did not say.")
    problem = models.CharField(
        max_length=300, blank=True, help_text="Why the store could not be asked, for the seller."
    )
    #: Result of the last webhook check (shops.hooks.Hooks), and when the next one is due.
    hooks = models.JSONField(default=dict, blank=True)
    hooks_checked_at = models.DateTimeField(null=True, blank=True)
    hooks_due_at = models.DateTimeField(null=True, blank=True)
    #: Calls to the webhook address without a valid signature. They are only counted.
    refused_deliveries = models.PositiveBigIntegerField(default=0)
    #: Sales on Reverb from this moment on become orders in this store; None while that is off.
    orders_since = models.DateTimeField(null=True, blank=True)

    def __str__(self) -> str:
        return f"{self.platform} {self.address}"

    @property
    def webhook_address(self) -> str:
        """Return the URL that the store posts to."""
        return settings.SITE_URL + reverse("webhooks:store", args=[self.hook_key])


class FormerStore(models.Model):
    """A replaced store: its keys are saved until our webhooks are removed from it.

    Its webhook address stays valid for a while, so that late calls are not refused.
    """

    #: How long calls of a replaced store are answered if its webhooks could not be removed.
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
        """Return the former connection, unsaved."""
        fields = ("shop", "platform", "address", "token", "secret", "hook_key")
        return StoreConnection(**{name: getattr(self, name) for name in fields})


class ReverbConnection(models.Model):
    """Token and webhooks of the seller's Reverb account."""

    shop = models.OneToOneField(Shop, models.CASCADE, related_name="reverb")
    token = SecretField(help_text="The seller's personal access token, or the one that Reverb gave our app.")
    by_oauth = models.BooleanField(default=False, help_text="Reverb gave the token to our app.")
    sandbox = models.BooleanField(default=False, help_text="An account of Reverb's sandbox, where nothing is real.")
    currency = models.CharField(max_length=3, blank=True, help_text="ISO 4217, where Reverb shows it.")
    account = models.CharField(max_length=120, blank=True, help_text="Name of the shop on Reverb.")
    account_id = models.CharField(max_length=64, blank=True, help_text="Reverb's id of the account, where it said so.")
    problem = models.CharField(max_length=40, blank=True, help_text="Id of a reason in shops/reverb/connect.py.")
    checked_at = models.DateTimeField(null=True, blank=True)
    #: Reverb signs nothing: this part of the webhook address is the only proof that a call comes from Reverb.
    hook_key = models.CharField(max_length=64, unique=True, default=unguessable)
    #: Result of the last webhook check (shops.hooks.Hooks), and when the next one is due.
    hooks = models.JSONField(default=dict, blank=True)
    hooks_checked_at = models.DateTimeField(null=True, blank=True)
    hooks_due_at = models.DateTimeField(null=True, blank=True)
    #: All orders that changed on Reverb before this moment have been read; and when the next poll is due.
    orders_read_at = models.DateTimeField(null=True, blank=True)
    orders_due_at = models.DateTimeField(null=True, blank=True)
    #: When one page of changed orders is next requested between two polls (listings/orders/quick_poll.py); None: never.
    quick_poll_due_at = models.DateTimeField(null=True, blank=True)
    #: Sales whose row could not be read: number → since when, number of retries, and when the next is due.
    orders_unread = models.JSONField(default=dict, blank=True)
    #: When webhooks for orders and listings last arrived, and when polling last found an unreported order.
    order_called_at = models.DateTimeField(null=True, blank=True)
    listing_called_at = models.DateTimeField(null=True, blank=True)
    order_missed_at = models.DateTimeField(null=True, blank=True)
    #: Since when links to the previously connected account's listings are being removed; nothing is written meanwhile.
    clearing_since = models.DateTimeField(null=True, blank=True)
    #: When Reverb responded again; reset once the waiting work was made due.
    back_at = models.DateTimeField(null=True, blank=True)

    def __str__(self) -> str:
        return self.account or "Reverb account"

    @property
    def api_url(self) -> str:
        """Return the root URL of this account's API."""
        return settings.REVERB_SANDBOX_API_URL if self.sandbox else settings.REVERB_API_URL

    @property
    def web_url(self) -> str:
        """Return the root URL of this account's website."""
        return settings.REVERB_SANDBOX_WEB_URL if self.sandbox else settings.REVERB_WEB_URL

    @property
    def webhook_address(self) -> str:
        """Return the URL that Reverb posts to; a topic may follow it."""
        return settings.SITE_URL + reverse("webhooks:reverb", args=[self.hook_key])

    @property
    def budget(self) -> str:
        """Return the name of the account's budget, shared by all its shops and tokens. It does not reveal the token."""
        if self.account_id:
            return f"{'sandbox-' if self.sandbox else ''}account-{self.account_id}"
        return hashlib.sha256(self.token.get_secret_value().encode()).hexdigest()[:16]


class PendingConnection(models.Model):
    """A connection in progress: the state between two steps of a handshake, for some minutes."""

    state = models.CharField(max_length=64, unique=True, default=unguessable)
    #: Who began it, and for which shop; both empty if it began on the platform.
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
