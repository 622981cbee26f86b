"""The face of a platform: what each folder beside this file fills in, and what can go wrong with a store."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Protocol

from pydantic import SecretStr

from shops.events import Event
from shops.models import StoreConnection
from shops.pictures import StoreProduct


class BadSignature(Exception):
    """A delivery that the store did not sign."""


class Unreadable(Exception):
    """A signed delivery whose body is not what its topic promises."""


class StoreError(Exception):
    """A call to a store that did not succeed; `retry_after` is in seconds where the store said so."""

    def __init__(self, words: str, *, retry_after: float | None = None) -> None:
        """Keep the words; they never hold a token."""
        super().__init__(words)
        self.retry_after = retry_after


class StorePassing(StoreError):
    """Will pass by itself."""


class StoreRefused(StoreError):
    """The store does not accept our token; the seller must connect it again."""


@dataclass(frozen=True)
class Envelope:
    """What the headers of a delivery say about it."""

    delivery_id: str  # "" when the platform gave none
    topic: str


class StoreClient(Protocol):
    """Asks one store. Every call raises StorePassing or StoreRefused when it fails."""

    def products(self, store_parent_id: str) -> list[StoreProduct]:
        """Return all sellable units of a product, none when the store no longer has it."""

    def parent_of_stock(self, store_stock_id: str) -> str | None:
        """Return the id of the product that a counted thing belongs to, None when there is none."""

    def check(self) -> str:
        """Return the store's own name, which proves that the token works."""


class Platform(ABC):
    """One kind of store."""

    kind: ClassVar[str]
    name: ClassVar[str]
    #: Topics to switch on, as the platform spells them.
    topics: ClassVar[tuple[str, ...]]
    #: What the seller does there, one sentence a step.
    steps: ClassVar[tuple[str, ...]]

    @abstractmethod
    def read_address(self, text: str) -> str:
        """Return the store's address in one form. Raises ValueError with a sentence for the seller."""

    @abstractmethod
    def verify(self, body: bytes, headers: Mapping[str, str], secret: SecretStr) -> None:
        """Raise BadSignature unless the store signed exactly these bytes. Constant time; no way around it."""

    @abstractmethod
    def envelope(self, headers: Mapping[str, str]) -> Envelope:
        """Return what the headers say."""

    @abstractmethod
    def events(self, topic: str, body: bytes) -> list[Event] | None:
        """Return what a delivery means, None for a topic that means nothing to us. Raises Unreadable."""

    @abstractmethod
    def client(self, connection: StoreConnection) -> StoreClient:
        """Return a client for one store."""
