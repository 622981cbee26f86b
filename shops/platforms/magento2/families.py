"""Which configurable product each child belongs to. REST cannot be asked for it, so all families are read.

Every six hours all of them, in between those that changed. A family that cannot be read keeps the children that it had:
a child without a family is hidden, and would be taken off sale.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from typing import Any

from reverbsync import clock
from shops.platforms.magento2 import memory, search
from shops.platforms.magento2.rest import Rest

FAMILIES_S = 6 * 3600
#: A family that was read is remembered beyond that, for the day on which it cannot be read.
KEPT_S = 7 * 24 * 3600
#: A client that lives for one short turn does not ask again what the one before has just asked.
JUST_NOW_S = 60
#: A parent that changed shortly before we looked is looked at again.
OVERLAP = timedelta(minutes=10)
LINKS = "items[id,extension_attributes[configurable_product_links]],total_count"


class Families:
    """Children of configurable products."""

    def __init__(self, rest: Rest) -> None:
        """Nothing is asked yet."""
        self._rest = rest
        self._key = f"magento2:families:{rest.address}"
        self._parents: dict[str, str] | None = None

    def parents(self, ids: Iterable[str]) -> dict[str, str]:
        """Return the configurable product of each child among these ids."""
        if self._parents is None:
            self._parents = {child: one for one, children in self._links().items() for child in children}
        return {one: self._parents[one] for one in ids if one in self._parents}

    def _links(self) -> dict[str, list[str]]:
        """Return parent → children."""
        kept: dict[str, Any] | None = memory.recall(self._key)
        asked_at = clock.now()
        if kept and asked_at.timestamp() - kept["asked"] < JUST_NOW_S:
            return dict(kept["links"])
        known: dict[str, list[str]] = kept["links"] if kept else {}
        whole = kept is None or kept["until"] <= asked_at.timestamp()
        groups: list[search.Group] = [[("type_id", "eq", "configurable")]]
        if kept and not whole:
            groups.append([("updated_at", "gteq", str(kept["at"]))])
        links = {} if whole else dict(known)
        for row in self._rest.every("/products", *groups, fields=LINKS):
            if isinstance(row, dict) and "id" in row:
                links[str(row["id"])] = (
                    children if (children := _children(row)) is not None else known.get(str(row["id"]), [])
                )
        until = asked_at.timestamp() + FAMILIES_S if whole or kept is None else kept["until"]
        stamps = {"asked": asked_at.timestamp(), "at": search.stamp(asked_at - OVERLAP), "until": until}
        memory.remember(self._key, {"links": links, **stamps}, KEPT_S)
        return links


def _children(row: dict[str, Any]) -> list[str] | None:
    """Return the children that a family names, None where that cannot be read."""
    extension = row.get("extension_attributes")
    links = extension.get("configurable_product_links") if isinstance(extension, dict) else None
    if isinstance(links, dict):
        links = list(links.values())
    if not isinstance(links, list):
        return None
    return [str(one) for one in links if isinstance(one, int | str)]
