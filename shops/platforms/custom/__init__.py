"""Custom: an interface for any other store, which pushes to us and receives signed calls (docs/custom-store.md)."""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from collections.abc import Mapping

from reverbsync import clock
from shops.events import Event
from shops.models import StoreConnection
from shops.platforms import addresses
from shops.platforms.base import Platform
from shops.platforms.custom import messages, pushed, pushed_counts, signing
from shops.platforms.custom.client import CustomClient
from shops.platforms.errors import BadSignature, Unreadable
from shops.platforms.store_client import StoreClient
from shops.platforms.values import Envelope, Keys
from shops.schema_text import object_of


class Custom(Platform):
    """A store that a seller's own programmers connect."""

    kind = "custom"
    name = "Another store"
    topics = messages.TOPICS
    personal_topics = ("order.updated",)
    sale_topics = ("stock.updated", "order.updated")
    steps = (
        "Enter the address at which your system takes our calls, such as a changed stock.",
        "We make an API key and a signing secret for you and show them once.",
        "Let your system send us its products, as docs/custom-store.md describes.",
    )
    address_help = "Such as https://www.your-shop.com/reverbsync"
    fields = ()
    poll_every_s = 0
    idempotent_writes = True
    #: A message that was sent before our change may arrive after its answer.
    stock_read_lag_s = 10
    push_only = True
    makes_keys = True

    def read_address(self, text: str) -> str:
        """Return the URL of the seller's system."""
        return addresses.read_web_address(text)

    def pasted(self, values: Mapping[str, str]) -> Keys:
        """Generate a new API key and a new secret."""
        return Keys(f"rs_{secrets.token_hex(20)}", signing.PREFIX + base64.b64encode(secrets.token_bytes(32)).decode())

    def verify(self, body: bytes, headers: Mapping[str, str], connection: StoreConnection) -> None:
        """Verify the API key, the signature and the timestamp."""
        given = headers.get("Authorization", "").encode("ascii", errors="replace")
        wanted = f"Bearer {connection.token.get_secret_value()}".encode()
        known = hmac.compare_digest(given, wanted)
        signing.verify(connection.secret.get_secret_value(), headers, body, clock.now())
        if not known:
            raise BadSignature

    def envelope(self, body: bytes, headers: Mapping[str, str]) -> Envelope:
        """Return the type from the body, and an id derived from webhook-id and body.

        Some senders reuse an id for different messages; a repeated message does no harm, since its timestamp decides.
        """
        topic = (object_of(body) or {}).get("type")
        number = hashlib.sha256(headers.get("webhook-id", "").encode() + b"\n" + body).hexdigest()
        return Envelope(number, topic if isinstance(topic, str) else "")

    def events(self, topic: str, body: bytes, connection: StoreConnection, arrived: int = 0) -> list[Event] | None:
        """Save the pushed data unless newer data is saved: the store cannot be queried later."""
        if topic not in messages.TOPICS:
            return None
        return pushed.take(connection, messages.read(body), arrived)

    def stands_alone(self, topic: str, body: bytes, connection: StoreConnection) -> bool:
        """Return False for a count of an unknown variant; else timestamps keep earlier messages from overwriting it."""
        try:
            return pushed_counts.knows_what_it_counts(connection, messages.read(body))
        except Unreadable:
            return True

    def client(self, connection: StoreConnection) -> StoreClient:
        """Return a client that reads the pushed data."""
        return CustomClient(connection)
