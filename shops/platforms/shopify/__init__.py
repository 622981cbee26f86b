"""Shopify: GraphQL Admin API 2026-10, signed webhooks."""

from __future__ import annotations

from collections.abc import Mapping

from pydantic import SecretStr

from shops.events import Event
from shops.models import StoreConnection
from shops.platforms.base import Envelope, Platform, StoreClient
from shops.platforms.shopify import connect, webhooks
from shops.platforms.shopify.client import ShopifyClient


class Shopify(Platform):
    """A store on Shopify."""

    kind = "shopify"
    name = "Shopify"
    topics = tuple(webhooks.TOPICS)
    steps = connect.STEPS

    def read_address(self, text: str) -> str:
        """Return the store's host, such as `demo-guitars.myshopify.com`."""
        return connect.read_address(text)

    def verify(self, body: bytes, headers: Mapping[str, str], secret: SecretStr) -> None:
        """Check X-Shopify-Hmac-Sha256."""
        webhooks.verify(body, headers, secret)

    def envelope(self, headers: Mapping[str, str]) -> Envelope:
        """Read X-Shopify-Webhook-Id and X-Shopify-Topic."""
        return webhooks.envelope(headers)

    def events(self, topic: str, body: bytes) -> list[Event] | None:
        """Read a delivery."""
        return webhooks.events(topic, body)

    def client(self, connection: StoreConnection) -> StoreClient:
        """Return a GraphQL client."""
        return ShopifyClient(connection.address, connection.token)
