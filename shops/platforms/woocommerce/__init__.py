"""WooCommerce: REST wc/v3 with keys; webhooks are never retried, so polling finds lost changes."""

from __future__ import annotations

from collections.abc import Mapping

from shops.events import Event
from shops.models import StoreConnection
from shops.platforms import addresses
from shops.platforms.base import Platform
from shops.platforms.handshake import Handshake
from shops.platforms.store_client import StoreClient
from shops.platforms.values import Envelope, Keys
from shops.platforms.woocommerce import connect, webhooks
from shops.platforms.woocommerce.client import WooCommerceClient


class WooCommerce(Platform):
    """A WordPress store with WooCommerce."""

    kind = "woocommerce"
    name = "WooCommerce"
    topics = tuple(webhooks.TOPICS)
    personal_topics = webhooks.PERSONAL
    sale_topics = webhooks.SALES
    change_topics = ("product.updated",)
    steps = connect.STEPS
    address_help = "Such as https://www.your-shop.com"
    fields = connect.FIELDS
    poll_every_s = 300
    stock_poll_every_s = 900

    def read_address(self, text: str) -> str:
        """Return the address of the WordPress site."""
        return addresses.read_web_address(text)

    def pasted(self, values: Mapping[str, str]) -> Keys:
        """Return the pasted keys with a new webhook secret."""
        return connect.keys(values["consumer_key"], values["consumer_secret"])

    def keys(self, token: str, secret: str) -> Keys:
        """Return the keys from "ck_…:cs_…" and a webhook secret."""
        consumer_key, _, consumer_secret = token.partition(":")
        return connect.keys(consumer_key, consumer_secret, secret)

    @property
    def handshake(self) -> Handshake | None:
        """Return the key exchange, which needs no configuration by the operator."""
        return connect.KeyExchange()

    def verify(self, body: bytes, headers: Mapping[str, str], connection: StoreConnection) -> None:
        """Verify X-WC-Webhook-Signature."""
        webhooks.verify(body, headers, connection.secret.get_secret_value())

    def envelope(self, body: bytes, headers: Mapping[str, str]) -> Envelope:
        """Return the topic, and an id derived from all that distinguishes two deliveries."""
        return webhooks.envelope(body, headers)

    def is_ping(self, body: bytes, headers: Mapping[str, str]) -> bool:
        """Return whether this is the test call that WooCommerce sends when a webhook is created."""
        return webhooks.is_ping(body)

    def events(self, topic: str, body: bytes, connection: StoreConnection, arrived: int = 0) -> list[Event] | None:
        """Parse a delivery."""
        return webhooks.events(topic, body)

    def client(self, connection: StoreConnection) -> StoreClient:
        """Return a client of wc/v3."""
        return WooCommerceClient(connection)
