"""Interpret a webhook of Reverb's. Pure functions.

Facts: the body is the plain JSON of the object, a listing as in `GET /listings/<id>` or an order as in `GET
/my/orders/selling/<number>` (Reverb docs); it is unsigned and does not name its topic. The topic in the address may be
missing or wrong, so the body's shape decides.
"""

from __future__ import annotations

import json
from typing import Any

from shops.events import ReverbAppRemoved, ReverbEvent, ReverbListingChanged, ReverbOrderChanged, Urgency
from shops.reverb import read
from shops.reverb.errors import TransientError

APP_REMOVED = "app/uninstalled"
#: Topics of listings. They mostly report our own writes.
LISTING = ("listings/update", "listings/publish", "product/updated")
#: Objects may be wrapped in their own name, as in answers to writes.
_WRAPPERS = ("order", "listing")
_LONGEST_NUMBER = 64


def rank(topic: str) -> Urgency:
    """Return how urgent a call is, by the topic in its address. A call without one may report a sale."""
    name = topic.strip("/")
    if name == APP_REMOVED:
        return Urgency.OTHER
    return Urgency.PRODUCT if name in LISTING else Urgency.SALE


def event(topic: str, body: bytes) -> ReverbEvent | None:
    """Return the event of a call, None if it concerns neither an order, nor a listing, nor our app."""
    said = _object(body)
    number = said.get("order_number")
    if isinstance(number, str | int) and 0 < len(str(number)) <= _LONGEST_NUMBER:
        return ReverbOrderChanged(str(number))
    if said.get("id") and said.get("state"):
        return _listing(said)
    return ReverbAppRemoved() if topic.strip("/") == APP_REMOVED else None


def _listing(said: dict[str, Any]) -> ReverbEvent | None:
    try:
        found = read.listing(said)
    except TransientError:
        return None
    return ReverbListingChanged(found.id, found.state, found.inventory)


def _object(body: bytes) -> dict[str, Any]:
    try:
        said = json.loads(body)
    except ValueError:
        return {}
    for name in _WRAPPERS:
        if isinstance(said, dict) and isinstance(said.get(name), dict):
            said = said[name]
    return said if isinstance(said, dict) else {}
