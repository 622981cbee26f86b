"""BigCommerce: v3 catalogue and inventory, v2 orders, signed webhooks that contain only ids."""

from __future__ import annotations

from collections.abc import Mapping

from django.conf import settings

from shops.events import Event
from shops.models import StoreConnection
from shops.platforms.base import Platform
from shops.platforms.bigcommerce import connect, webhooks
from shops.platforms.bigcommerce.client import BigCommerceClient
from shops.platforms.handshake import Handshake
from shops.platforms.store_client import StoreClient
from shops.platforms.values import Envelope, Keys


class BigCommerce(Platform):
    """A store on BigCommerce."""

    kind = "bigcommerce"
    name = "BigCommerce"
    topics = tuple(webhooks.TOPICS)
    sale_topics = webhooks.SALES
    change_topics = webhooks.CHANGES
    steps = connect.STEPS
    address_help = "The store hash: the part after stores/ in the API path"
    fields = connect.FIELDS
    poll_every_s = 3600
    stock_read_lag_s = 30

    def read_address(self, text: str) -> str:
        """Return the store hash."""
        return connect.read_address(text)

    def pasted(self, values: Mapping[str, str]) -> Keys:
        """Return the keys of an API account."""
        return Keys(values["token"], values["secret"])

    @property
    def handshake(self) -> Handshake | None:
        """Return the single-click app if the operator has configured one, else None."""
        return connect.SingleClick() if settings.BIGCOMMERCE_CLIENT_ID else None

    def verify(self, body: bytes, headers: Mapping[str, str], connection: StoreConnection) -> None:
        """Verify the signature, or our own header if the delivery is unsigned."""
        webhooks.verify(body, headers, connection.secret.get_secret_value())

    def envelope(self, body: bytes, headers: Mapping[str, str]) -> Envelope:
        """Read webhook-id, and the scope from the body."""
        return webhooks.envelope(body, headers)

    def events(self, topic: str, body: bytes, connection: StoreConnection, arrived: int = 0) -> list[Event] | None:
        """Parse a delivery."""
        return webhooks.events(topic, body)

    def client(self, connection: StoreConnection) -> StoreClient:
        """Return a client of the API."""
        return BigCommerceClient(connection)
