"""Call a Shopify store: what products, stock and orders have in common."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from reverbsync import clock
from shops.models import StoreConnection
from shops.platforms.errors import Malformed, Unsupported
from shops.platforms.shopify import connections, locations, queries
from shops.platforms.shopify.endpoint import root_of
from shops.platforms.shopify.graphql import GraphQL
from shops.platforms.shopify.locations import TOTAL_ALONE, LevelLocations

#: Most pages of one product: Shopify allows 2,048 variants, and more locations mean smaller pages.
MAX_PAGES = 700
#: The index behind the date search lags (by an undocumented time).
OVERLAP = timedelta(minutes=5)
#: How long a worker caches which locations sell.
LOCATIONS_KNOWN_S = 60.0
MOST_STORES = 1000
_known: dict[str, tuple[LevelLocations, float]] = {}


class StoreCalls:
    """What the calls about products, stock and orders share."""

    def __init__(self, connection: StoreConnection) -> None:
        """Makes no call."""
        self._line = GraphQL(connection)
        self._admin = f"{root_of(connection.address)}/admin"

    def _levels(self) -> LevelLocations:
        """Return the locations whose levels must be read besides a variant's total.

        A token without the scope to read them sees only the total. Cached locations stay valid after a refusal or an
        unreadable list, since one such answer proves nothing.
        """
        address, now = self._line.address, clock.monotonic()
        known, until = _known.get(address, (TOTAL_ALONE, 0.0))
        if now < until:
            return known
        try:
            known = locations.locations_of_levels(self._all(queries.LOCATIONS, "locations"))
        except (Unsupported, Malformed) as error:
            if isinstance(error, Malformed) and address not in _known:
                raise
        if len(_known) > MOST_STORES:
            _known.clear()
        _known[address] = known, now + LOCATIONS_KNOWN_S
        return known

    def _all(self, document: str, name: str) -> list[Any]:
        """Return all rows of a top-level connection."""
        rows: list[Any] = []
        after: str | None = None
        for _ in range(MAX_PAGES):
            page = self._line.ask(document, after=after).get(name)
            rows += connections.rows(page, name)
            after = connections.following(page, name)
            if after is None:
                break
        return rows


def updated_since(moment: datetime | None) -> str | None:
    """Return the search query of what changed after a moment; None for all."""
    return f"updated_at:>='{(moment - OVERLAP).isoformat()}'" if moment else None


def gid(kind: str, number: str) -> str:
    """Return Shopify's global id of an object."""
    return f"gid://shopify/{kind}/{number}"
