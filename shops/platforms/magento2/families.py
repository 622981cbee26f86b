"""Map each child to its configurable product. REST has no such query, so all families are read.

All are read every six hours, and the changed ones in between. An unreadable family keeps its known children: a child
without a family is hidden, and would go off sale.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import timedelta
from typing import Any, TypedDict

from reverbsync import clock
from shops.platforms.magento2 import batches, search, store_cache
from shops.platforms.magento2.items import ENABLED, HIDDEN
from shops.platforms.magento2.rest import Rest

FAMILIES_S = 6 * 3600
#: A family's children are cached beyond that, in case it becomes unreadable.
KEPT_S = 7 * 24 * 3600
#: A client lives only for one slice, so it reuses what the previous one just read.
JUST_NOW_S = 60
#: A parent that changed shortly before a read is read again.
OVERLAP = timedelta(minutes=10)
LINKS = "items[id,status,visibility,extension_attributes[configurable_product_links]],total_count"


class Known(TypedDict):
    """Families as last read: parent → children, and the parents that the store does not show."""

    links: dict[str, list[str]]
    off: list[str]


class Families:
    """Maps children to their configurable products."""

    def __init__(self, rest: Rest) -> None:
        """Makes no call."""
        self._rest = rest
        self._key = f"magento2:families2:{rest.address}"
        self._parents: dict[str, str] | None = None

    def parents(self, ids: Iterable[str]) -> dict[str, str]:
        """Return the configurable product of each child among these ids.

        If several have the same child, for example a disabled duplicate, it is one that the store shows.
        """
        if self._parents is None:
            known = self._read()
            off = set(known["off"])
            best_last = sorted(known["links"], key=lambda one: (one not in off, -int(one)))
            self._parents = {child: one for one in best_last for child in known["links"][one]}
        return {one: self._parents[one] for one in ids if one in self._parents}

    def _read(self) -> Known:
        kept: dict[str, Any] | None = store_cache.recall(self._key)
        requested_at = clock.now()
        if kept and requested_at.timestamp() - kept["requested"] < JUST_NOW_S:
            return Known(links=dict(kept["links"]), off=kept["off"])
        before = Known(links=kept["links"], off=kept["off"]) if kept else Known(links={}, off=[])
        whole = kept is None or kept["until"] <= requested_at.timestamp()
        groups: list[search.Group] = [[("type_id", "eq", "configurable")]]
        if kept and not whole:
            groups.append([("updated_at", "gteq", str(kept["at"]))])
        rows = list(self._by_id(*groups))
        if whole:  # a product that the list omits may still exist
            listed = {_id(row) for row in rows}
            rest = [one for one in before["links"] if one not in listed]
            more, failed = batches.every(self._rest, "/products", "entity_id", rest, fields=LINKS)
            rows += more + [{"id": one} for one in failed]
        found = _taken(rows, before, Known(links={}, off=[]) if whole else before)
        until = requested_at.timestamp() + FAMILIES_S if whole or kept is None else kept["until"]
        stamps = {"requested": requested_at.timestamp(), "at": search.stamp(requested_at - OVERLAP), "until": until}
        store_cache.remember(self._key, {**found, **stamps}, KEPT_S)
        return found

    def _by_id(self, *groups: search.Group) -> Iterator[Any]:
        """Yield the rows of a search by id, so that edits shift no page."""
        last = 0
        while True:
            got = batches.above(self._rest, "/products", str(last), *groups, size=search.PAGE, fields=LINKS)
            rows = [{"id": got.failed}] if got.failed else got.rows
            yield from rows
            highest = max((int(one) for row in rows if (one := _id(row))), default=0)
            if highest <= last or not got.more:
                return
            last = highest


def _taken(rows: Iterable[Any], before: Known, into: Known) -> Known:
    """Return `into` updated with these rows. An unreadable family keeps its known children."""
    links, off = dict(into["links"]), set(into["off"])
    for row in rows:
        if number := _id(row):
            children = _children(row)
            links[number] = before["links"].get(number, []) if children is None else children
            if set(row) == {"id"}:  # it cannot be shown, so it stays on or off
                off |= {number} & set(before["off"])
                continue
            off.discard(number)
            if str(row.get("status", ENABLED)) != str(ENABLED) or str(row.get("visibility")) == str(HIDDEN):
                off.add(number)
    return Known(links=links, off=sorted(off))


def _id(row: Any) -> str:
    number = row.get("id") if isinstance(row, dict) else None
    return str(number) if str(number).isdecimal() else ""


def _children(row: dict[str, Any]) -> list[str] | None:
    """Return the children that a family names, None if they cannot be read."""
    extension = row.get("extension_attributes")
    links = extension.get("configurable_product_links") if isinstance(extension, dict) else None
    if isinstance(links, dict):
        links = list(links.values())
    if not isinstance(links, list):
        return None
    return [str(one) for one in links if isinstance(one, int | str)]
