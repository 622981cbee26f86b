"""Shopify: GraphQL Admin API 2026-10, signed webhooks, authorization code grant with expiring offline tokens."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from reverbsync import clock
from shops.events import Event
from shops.models import StoreConnection
from shops.platforms.base import Platform
from shops.platforms.errors import BadSignature
from shops.platforms.handshake import Handshake
from shops.platforms.shopify import connect, token_calls, tokens, ways, webhooks
from shops.platforms.shopify.client import ShopifyClient
from shops.platforms.store_client import StoreClient
from shops.platforms.values import Envelope, Keys, Way


class Shopify(Platform):
    """A store on Shopify."""

    kind = "shopify"
    name = "Shopify"
    topics = tuple(webhooks.TOPICS)
    app_topics = tuple(webhooks.APP_TOPICS)
    personal_topics = webhooks.PERSONAL
    sale_topics = webhooks.SALES
    change_topics = ("products/update", "inventory_levels/update")
    address_help = "Such as your-shop.myshopify.com"
    poll_every_s = 3600
    idempotent_writes = True

    def read_address(self, text: str) -> str:
        """Return the store's host, such as `demo-guitars.myshopify.com`."""
        return connect.read_address(text)

    @property
    def ways(self) -> tuple[Way, ...]:
        """Return the ways to connect with an app's keys."""
        return ways.ways()

    def pasted(self, values: Mapping[str, str]) -> Keys:
        """Return the keys of an app: its client id and secret, or the token and secret of an older one."""
        return ways.pasted(values)

    def keys_of_app(self, client_id: str, client_secret: str) -> Keys:
        """Return the keys of an app that requests its own tokens."""
        return ways.app_keys(client_id, client_secret)

    def replacing(self, keys: Keys, former: StoreConnection) -> Keys:
        """Add the former client secret: for a day, webhooks that are signed with it still count."""
        before, secret = former.secret.get_secret_value(), keys.secret.get_secret_value()
        old, new = (tokens.from_json(one.token.get_secret_value()) for one in (former, keys))
        if before and before != secret:
            new = new.with_former_secret(before, clock.now())
        else:
            new = replace(new, former_secret=old.former_secret, former_until=old.former_until)
        return Keys(new.to_json(), secret)

    def about_keys(self, connection: StoreConnection) -> str:
        """Return whose app the token belongs to, and when it ends."""
        return ways.about(tokens.from_json(connection.token.get_secret_value()))

    @property
    def handshake(self) -> Handshake:
        """Return the code grant, for the operator's app and for an agency's."""
        return connect.CodeGrant()

    def verify(self, body: bytes, headers: Mapping[str, str], connection: StoreConnection) -> None:
        """Verify X-Shopify-Hmac-Sha256."""
        try:
            webhooks.verify(body, headers, [connection.secret.get_secret_value(), *token_calls.app_secrets()])
        except BadSignature:  # decrypting the tokens takes time, so it is done for these alone
            former = tokens.from_json(connection.token.get_secret_value()).former_secrets(clock.now())
            if not former:
                raise
            webhooks.verify(body, headers, former)

    def envelope(self, body: bytes, headers: Mapping[str, str]) -> Envelope:
        """Read X-Shopify-Webhook-Id and X-Shopify-Topic."""
        return webhooks.envelope(headers)

    def events(self, topic: str, body: bytes, connection: StoreConnection, arrived: int = 0) -> list[Event] | None:
        """Parse a delivery."""
        return webhooks.events(topic, body)

    def of_app(self, body: bytes, headers: Mapping[str, str]) -> str:
        """Return X-Shopify-Shop-Domain of a call to the app's own address, which receives the privacy topics."""
        webhooks.verify(body, headers, token_calls.app_secrets())
        return headers.get("X-Shopify-Shop-Domain", "")

    def client(self, connection: StoreConnection) -> StoreClient:
        """Return a GraphQL client."""
        return ShopifyClient(connection)
