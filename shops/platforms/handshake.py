"""Value objects and the interface of a handshake: connecting a store in a few clicks.

The pages (`shops/connect/views.py`) save the state between the steps; a platform only interprets each step.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from django.conf import settings
from django.urls import reverse


def base_of(kind: str) -> str:
    """Return our address below which a platform's steps arrive, with a slash at its end."""
    return settings.SITE_URL + reverse("connect", args=[kind, "x"]).removesuffix("x/")


class Declined(Exception):
    """An invalid step; the message is for the seller."""


@dataclass(frozen=True)
class Visit:
    """A request to `/connect/<platform>/<step>/`, by a browser or by the store's server."""

    method: str
    query: Mapping[str, str]
    form: Mapping[str, str]
    body: bytes = b""
    #: Our own base address of this platform's steps, such as `https://sync.example.com/connect/shopify/`.
    base: str = ""


@dataclass(frozen=True)
class Pending:
    """State of a pending connection: the address that was typed, and what an earlier step saved."""

    state: str
    address: str
    kept: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Go:
    """Redirect the browser. `address` is this visit's store, saved under `state`."""

    url: str
    address: str = ""
    state: str = ""


@dataclass(frozen=True)
class Sheet:
    """What the seller must do in the store first: instructions, and addresses to enter there (label, address)."""

    steps: tuple[str, ...]
    addresses: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Keep:
    """Save values for a later step; answer the store with 200."""

    state: str
    kept: Mapping[str, str] = field(repr=False)


@dataclass(frozen=True)
class Grant:
    """The store granted access. `state` "": the visit did not begin on our site, so a person must choose the shop."""

    address: str
    token: str = field(repr=False)
    secret: str = field(repr=False)
    state: str = ""
    #: Where the browser goes next; "" for our own page.
    then: str = ""
    #: The store's server made this call: answer 200; the browser returns separately.
    by_server: bool = False


@dataclass(frozen=True)
class Returned:
    """The browser is back after the store's server made the granting call."""

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
    """The connection steps of one platform."""

    #: Whether the seller first types the store's address on our page.
    asks_address: bool
    #: Label of the button.
    label: str

    @property
    def is_offered(self) -> bool:
        """Return whether the button is shown: the operator has configured what it needs."""

    def begin(self, pending: Pending, base: str) -> str | Sheet:
        """Return the browser's first address, or instructions for the seller. `base` is the prefix of our addresses."""

    def state_of(self, step: str, visit: Visit) -> str:
        """Return the state that a visit belongs to, "" if it names none."""

    def by_server(self, step: str) -> bool:
        """Return whether the store's own server makes this call, rather than the seller's browser."""

    def visit(self, step: str, visit: Visit, pending: Pending | None) -> Step:
        """Return what a visit means. `pending` is what `state_of` names; None if it is unknown, used or expired.

        Raise Declined, or StoreError if the store did not answer.
        """
