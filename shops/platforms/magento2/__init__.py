"""Magento 2 and Adobe Commerce: REST V1 with signed calls, no webhooks, stock with reservations."""

from __future__ import annotations

from collections.abc import Mapping

from shops.events import Event
from shops.models import StoreConnection
from shops.platforms.base import Platform
from shops.platforms.errors import BadSignature
from shops.platforms.handshake import Handshake
from shops.platforms.magento2 import connect
from shops.platforms.magento2.client import Magento2Client
from shops.platforms.store_client import StoreClient
from shops.platforms.values import Envelope, Keys


class Magento2(Platform):
    """A store on Magento Open Source 2 or Adobe Commerce."""

    kind = "magento2"
    name = "Magento"
    topics = ()
    steps = connect.STEPS
    address_help = "Such as https://www.your-shop.com"
    fields = connect.FIELDS
    poll_every_s = 60
    stock_poll_every_s = 900

    def read_address(self, text: str) -> str:
        """Return the store's base URL. Raise ValueError with a sentence, also for Adobe's cloud service."""
        return connect.read_address(text)

    def pasted(self, values: Mapping[str, str]) -> Keys:
        """Return the keys from the four credentials, or from a lone access token."""
        given = [values.get(field.name, "") for field in connect.FIELDS]
        return connect.keys(*(given if any(given[:2]) or given[3] else [values["access_token"]]))

    def keys(self, token: str, secret: str) -> Keys:
        """Read the keys from "consumer key:consumer secret:access token:access token secret" or a lone access token."""
        return connect.keys(*token.split(":"))

    @property
    def handshake(self) -> Handshake | None:
        """Return the handshake of an integration, which needs no configuration by the operator."""
        return connect.Integration()

    def verify(self, body: bytes, headers: Mapping[str, str], connection: StoreConnection) -> None:
        """Raise BadSignature: Magento sends no webhooks, so no delivery is from it."""
        raise BadSignature

    def envelope(self, body: bytes, headers: Mapping[str, str]) -> Envelope:
        """Raise BadSignature; never called, since `verify` rejects everything."""
        raise BadSignature

    def events(self, topic: str, body: bytes, connection: StoreConnection, arrived: int = 0) -> list[Event] | None:
        """Return None: there are no topics."""
        return None

    def client(self, connection: StoreConnection) -> StoreClient:
        """Return a client of REST V1."""
        return Magento2Client(connection)
