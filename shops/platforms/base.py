"""Define the interface that each platform implements; see `docs/adding-a-platform.md`."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import ClassVar

from shops.events import Event, Urgency
from shops.models import StoreConnection
from shops.platforms.errors import BadSignature
from shops.platforms.handshake import Handshake
from shops.platforms.store_client import StoreClient
from shops.platforms.values import Envelope, Field, Guide, Keys, Way


class Platform(ABC):
    """One kind of store."""

    kind: ClassVar[str]
    name: ClassVar[str]
    #: Webhook topics to register, as the platform spells them.
    topics: ClassVar[tuple[str, ...]]
    #: Topics that all stores send to the app's own address, `/webhooks/app/<kind>/`.
    app_topics: ClassVar[tuple[str, ...]] = ()
    #: Topics with personal data: the body is erased as soon as its delivery is processed.
    personal_topics: ClassVar[tuple[str, ...]] = ()
    #: Topics of stock and orders. They may report a sale, so they are processed first.
    sale_topics: ClassVar[tuple[str, ...]] = ()
    #: Topics of which at least one arrives with each change of a known product.
    change_topics: ClassVar[tuple[str, ...]] = ()
    #: How the seller connects with pasted keys, one sentence per step.
    steps: ClassVar[tuple[str, ...]] = ()
    address_help: ClassVar[str]
    #: What the seller pastes besides the address.
    fields: ClassVar[tuple[Field, ...]] = ()
    #: Seconds between two polls for changed products, in case webhooks are lost. 0: the store pushes all.
    poll_every_s: ClassVar[int]
    #: Seconds between two polls of all stock, if stock changes are not reported. 0: not needed.
    stock_poll_every_s: ClassVar[int] = 0
    #: Stock adjustments are idempotent: one may be retried after a lost answer.
    idempotent_writes: ClassVar[bool] = False
    #: Seconds for which the store may still return the old stock after a write.
    stock_read_lag_s: ClassVar[float] = 0
    #: We generate the keys and show them once; the seller pastes none.
    makes_keys: ClassVar[bool] = False
    #: The store has no API to read its catalogue; its own system pushes it.
    push_only: ClassVar[bool] = False

    def stands_alone(self, topic: str, body: bytes, connection: StoreConnection) -> bool:
        """Return whether a delivery that may report a sale can be processed before earlier open ones."""
        return True

    @abstractmethod
    def read_address(self, text: str) -> str:
        """Return the store's address, normalized. Raise ValueError with a sentence for the seller."""

    @property
    def ways(self) -> tuple[Way, ...]:
        """Return the ways to connect with pasted keys, the recommended one first."""
        return (Way("", "", self.fields, tuple(Guide(step) for step in self.steps)),)

    @abstractmethod
    def pasted(self, values: Mapping[str, str]) -> Keys:
        """Return the keys from the pasted fields of one way. Raise ValueError with a sentence for the seller."""

    def keys(self, token: str, secret: str) -> Keys:
        """Return the keys from a token and a secret given on the command line (docs/platforms.md)."""
        return Keys(token, secret)

    def keys_of_app(self, client_id: str, client_secret: str) -> Keys:
        """Return the keys from an app's client id and secret given on the command line. Raise ValueError if unknown."""
        raise ValueError(f"{self.name} takes --store-token and --store-secret, no client id.")

    def replacing(self, keys: Keys, former: StoreConnection) -> Keys:
        """Return what to save when keys replace those of `former`, a connection to the same store."""
        return keys

    def about_keys(self, connection: StoreConnection) -> str:
        """Return a sentence about the connection's keys for its page: whose they are, and when they end."""
        return ""

    @property
    def handshake(self) -> Handshake | None:
        """Return the handshake that connects in a few clicks; None if there is none or it is not configured."""
        return None

    @abstractmethod
    def verify(self, body: bytes, headers: Mapping[str, str], connection: StoreConnection) -> None:
        """Raise BadSignature unless the store signed exactly these bytes.

        Compares in constant time, and cannot be bypassed.
        """

    @abstractmethod
    def envelope(self, body: bytes, headers: Mapping[str, str]) -> Envelope:
        """Return the id and the topic of a delivery whose signature is valid."""

    def rank(self, topic: str) -> Urgency:
        """Return how urgent a delivery is, by its topic alone."""
        if topic in self.sale_topics:
            return Urgency.SALE
        return Urgency.PRODUCT if topic in self.topics else Urgency.OTHER

    def is_ping(self, body: bytes, headers: Mapping[str, str]) -> bool:
        """Return whether this is the platform's unsigned test call, which is acknowledged and ignored."""
        return False

    @abstractmethod
    def events(self, topic: str, body: bytes, connection: StoreConnection, arrived: int = 0) -> list[Event] | None:
        """Return the events of a delivery; None for an unknown topic. Raise Unreadable.

        `arrived` is the delivery's sequence number by arrival; 0 if unknown.
        """

    def of_app(self, body: bytes, headers: Mapping[str, str]) -> str:
        """Return the address of the store that a call to the app's own webhook address concerns.

        Raise BadSignature, also if the platform makes no such calls.
        """
        raise BadSignature

    @abstractmethod
    def client(self, connection: StoreConnection) -> StoreClient:
        """Return a client for one store."""
