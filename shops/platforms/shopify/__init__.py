"""Shopify: GraphQL Admin API 2026-10, signed webhooks, authorization code grant with expiring offline tokens."""

from __future__ import annotations

from collections.abc import Mapping

from django.conf import settings

from shops.events import Event
from shops.models import StoreConnection
from shops.platforms.base import Platform
from shops.platforms.handshake import Handshake
from shops.platforms.shopify import connect, webhooks
from shops.platforms.shopify.client import ShopifyClient
from shops.platforms.store_client import StoreClient
from shops.platforms.values import Envelope, Keys


class Shopify(Platform):
    """A store on Shopify."""

    kind = "shopify"
    name = "Shopify"
    topics = tuple(webhooks.TOPICS)
    app_topics = tuple(webhooks.APP_TOPICS)
    personal_topics = webhooks.PERSONAL
    sale_topics = webhooks.SALES
    change_topics = ("products/update", "inventory_levels/update")
    steps = connect.STEPS
    address_help = "Such as your-shop.myshopify.com"
    fields = connect.FIELDS
    poll_every_s = 3600
    idempotent_writes = True

    def read_address(self, text: str) -> str:
        """Return the store's host, such as `demo-guitars.myshopify.com`."""
        return connect.read_address(text)

    def pasted(self, values: Mapping[str, str]) -> Keys:
        """Return the token and secret of an app that the seller created in the store."""
        return Keys(values["token"], values["secret"])

    @property
    def handshake(self) -> Handshake | None:
        """Return the code grant if the operator has configured a client id and secret, else None."""
        ready = settings.SHOPIFY_CLIENT_ID and settings.SHOPIFY_CLIENT_SECRETS
        return connect.CodeGrant() if ready else None

    def verify(self, body: bytes, headers: Mapping[str, str], connection: StoreConnection) -> None:
        """Verify X-Shopify-Hmac-Sha256."""
        webhooks.verify(body, headers, [connection.secret.get_secret_value(), *connect.app_secrets()])

    def envelope(self, body: bytes, headers: Mapping[str, str]) -> Envelope:
        """Read X-Shopify-Webhook-Id and X-Shopify-Topic."""
        return webhooks.envelope(headers)

    def events(self, topic: str, body: bytes, connection: StoreConnection, arrived: int = 0) -> list[Event] | None:
        """Parse a delivery."""
        return webhooks.events(topic, body)

    def of_app(self, body: bytes, headers: Mapping[str, str]) -> str:
        """Return X-Shopify-Shop-Domain of a call to the app's own address, which receives the privacy topics."""
        webhooks.verify(body, headers, connect.app_secrets())
        return headers.get("X-Shopify-Shop-Domain", "")

    def client(self, connection: StoreConnection) -> StoreClient:
        """Return a GraphQL client."""
        return ShopifyClient(connection)
