"""Connecting in a few clicks: the steps that a platform's page, a browser and we go through. Values and one face.

The pages (`shops/connect/views.py`) keep the state between the steps; a platform's room only says what each step means.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol


class Declined(Exception):
    """A step that is not what it should be; the words are for the seller."""


@dataclass(frozen=True)
class Visit:
    """A call to `/connect/<platform>/<step>/`, by a browser or by the store itself."""

    method: str
    query: Mapping[str, str]
    form: Mapping[str, str]
    body: bytes = b""
    #: Our own address of this platform's steps, such as `https://sync.example.com/connect/shopify/`.
    base: str = ""


@dataclass(frozen=True)
class Pending:
    """What we know of a connection that is being made: the address that was typed, and what an earlier step kept."""

    state: str
    address: str
    kept: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Go:
    """Send the browser on. `address` names the store that this visit is about, to be remembered under `state`."""

    url: str
    address: str = ""
    state: str = ""


@dataclass(frozen=True)
class Sheet:
    """What the seller does in the store first: sentences, and addresses to enter there (label, address)."""

    steps: tuple[str, ...]
    addresses: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Keep:
    """Keep something for a later step; answer the store with 200."""

    state: str
    kept: Mapping[str, str] = field(repr=False)


@dataclass(frozen=True)
class Grant:
    """The store let us in. `state` "" means that the visit did not begin here, so a person must choose the shop."""

    address: str
    token: str = field(repr=False)
    secret: str = field(repr=False)
    state: str = ""
    #: Where the browser goes afterwards; "" for our own page.
    then: str = ""
    #: The store's own server made this call: answer 200, the browser comes by another way.
    by_server: bool = False


@dataclass(frozen=True)
class Returned:
    """The browser is back after a server's call did the work."""

    state: str
    refused: bool = False


@dataclass(frozen=True)
class Opened:
    """Someone opened the app from inside the store."""

    address: str


@dataclass(frozen=True)
class Removed:
    """The store removed our app."""

    address: str


Step = Go | Keep | Grant | Returned | Opened | Removed


class Handshake(Protocol):
    """The steps of one platform."""

    #: Whether the seller types the store's address here first.
    asks_address: bool
    #: What the button says.
    label: str

    def begin(self, pending: Pending, base: str) -> str | Sheet:
        """Return where the browser goes first, or what the seller enters in the store. `base` begins our addresses."""

    def state_of(self, step: str, visit: Visit) -> str:
        """Return the state that a visit belongs to, "" when it names none."""

    def by_server(self, step: str) -> bool:
        """Return whether the store's own server makes this call, and not the seller's browser."""

    def visit(self, step: str, visit: Visit, pending: Pending | None) -> Step:
        """Say what a visit means. `pending` is what `state_of` names, None when it is unknown, used or too old.

        Raises Declined, or StoreError when the store did not answer.
        """
