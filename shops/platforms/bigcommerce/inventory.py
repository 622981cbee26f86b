"""What a BigCommerce store can sell, location by location, and changes of it.

Facts: developer docs, "Inventory" and "Locations" (v3): `available_to_sell` is what is on hand less the safety stock;
adjustments are answered before they are applied, are refused whole (422) where one of them cannot be made, know no key
against repeats, and name a simple product that is tracked as a whole by `product_id`. The catalogue's `inventory_level`
counts the default location alone, so it is never read beside this one.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from reverbsync import clock
from shops.platforms.bigcommerce.rest import Rest, Rows
from shops.platforms.locations import Location, changed, count_of, locations_of, spread
from shops.platforms.reading import valid
from shops.platforms.values import Count, Malformed, Moved, StoreError, TransientStoreError, Unsupported
from shops.schemas import Part, Side, Text, Units
from shops.snapshots import StoreProduct

#: The largest page of the inventory.
PAGE = 1000
#: An adjustment is answered before it is applied; so often, and so long apart, we look whether it was.
LOOKS, LOOK_EVERY_S = 5, 0.5
#: Begins the id of what is counted where that is a whole product, not one of its variants.
AS_WHOLE = "product-"


#: The locations of so many stores are remembered by a worker.
MOST_STORES = 1000


def pause(seconds: float) -> None:
    """Wait between two looks; tests replace it."""
    clock.sleep(seconds)


class NotShown(Malformed):
    """The inventory has no units of a product that the catalogue counts."""


class _Settings(Part):
    safety_stock: Side[Units] = None
    is_in_stock: Side[bool] = True


class _At(Part):
    location_id: Text
    location_enabled: Side[bool | None] = None
    available_to_sell: Units = None
    total_inventory_onhand: Units = None
    settings: Side[_Settings] = _Settings()


class _Identity(Part):
    product_id: Text
    variant_id: Side[Text] = ""


class _Named(Part):
    identity: _Identity


class _Item(Part):
    locations: list[_At]


class _Location(Part):
    id: Text
    enabled: Side[bool] = True
    storefront_visibility: Side[bool] = True
    managed_by_external_source: Side[bool] = False


#: Store → its locations, as this worker read them last.
_read: dict[str, dict[str, _Location]] = {}


class Inventory:
    """Asks one store what it can sell, and changes it."""

    def __init__(self, rest: Rest) -> None:
        """Nothing is asked yet."""
        self._rest = rest
        self._locations: dict[str, _Location] | None = None
        self._has_read = False

    def of(self, parent_ids: Iterable[int | str]) -> Stock:
        """Return what can be sold of these products."""
        ids = ",".join(str(one) for one in parent_ids)
        path = f"/v3/inventory/items?product_id:in={ids}"
        return Stock(self, self._rest.all_rows(path, size=PAGE) if ids else Rows([], whole=True))

    def count(self, product: StoreProduct) -> Count:
        """Return how many units can be sold, and where they lie."""
        ids = product.store_parent_id, product.store_product_id
        found = self.of(ids[:1]).locations(*ids, product.stock)
        return count_of(sum(one.units for one in found), found)

    def selling(self, rows: list[_At]) -> list[Location]:
        """Return the locations that the store sells from, out of those of an item. Raises Malformed."""
        known = self._known() if len(rows) > 1 or any(row.location_enabled is None for row in rows) else None
        found = []
        for row in rows:
            where = _Location(id=row.location_id) if known is None else known.get(row.location_id)
            units = _units(row)
            if where is None and units:
                raise Malformed(f"BigCommerce's list of locations lacks one that has units: {row.location_id[:20]}.")
            if where is None:
                continue
            enabled = where.enabled if row.location_enabled is None else row.location_enabled and where.enabled
            if enabled and where.storefront_visibility and row.settings.is_in_stock:
                found.append(Location(row.location_id, units, where.managed_by_external_source))
        return found

    def _known(self) -> dict[str, _Location] | None:
        """Return the store's locations, None without the right to read them: then items alone say which are enabled.

        Where they were read before, what was read counts on: one refusal, or a list that cannot be read, is no such
        verdict, and hidden locations would count as sold from.
        """
        if not self._has_read:
            self._locations = _read.get(self._rest.budget.name)
            try:
                self._locations = self._listed()
            except (Unsupported, Malformed) as error:
                if isinstance(error, Malformed) and self._locations is None:
                    raise
            self._has_read = True
        return self._locations

    def _listed(self) -> dict[str, _Location]:
        rows, whole = self._rest.all_rows("/v3/inventory/locations?")
        if not rows or not whole:
            raise Malformed("BigCommerce's list of locations is empty, or lacks some of them.")
        found = [valid(_Location, row, "BigCommerce's location") for row in rows]
        if len(_read) >= MOST_STORES:
            _read.clear()
        _read[self._rest.budget.name] = {one.id: one for one in found}
        return _read[self._rest.budget.name]

    # -- changing it ---------------------------------------------------------------------------------------------

    def adjust(self, product: StoreProduct, count: Count, *, by: int, reason: str) -> Count:
        """Change what can be sold from `count` on, where the units lie; return the count afterwards.

        BigCommerce applies it after it has answered, so we look until it shows. Where it does not show in time, the
        count that it leads to is returned; the webhook reports it later. Raises Moved, with nothing changed, when the
        store no longer has `count`.
        """
        changes = spread(locations_of(count), by)
        after = changed(count, changes, by)
        if not changes:
            return after
        try:
            self._post(product, changes, reason)
        except Unsupported:
            if self.count(product) != count:
                raise Moved("The stock in BigCommerce has moved.") from None
            raise
        for _ in range(LOOKS):
            with contextlib.suppress(StoreError):
                now = self.count(product)
                if now.units != count.units:
                    return replace(now, done=after.done)
            pause(LOOK_EVERY_S)
        return after

    def _post(self, product: StoreProduct, changes: list[tuple[Location, int]], reason: str) -> None:
        """Name what is counted; a product that has changed its way of being counted since it was read is named so."""
        as_whole, one = {"product_id": int(product.store_parent_id)}, {"variant_id": int(product.store_product_id)}
        named, other = (as_whole, one) if product.store_stock_id.startswith(AS_WHOLE) else (one, as_whole)
        try:
            self._send(changes, named, reason)
        except Unsupported as refused:
            if not re.search(r"tracked by (?:product|variant)", str(refused)):
                raise
            self._send(changes, other, reason)

    def _send(self, changes: list[tuple[Location, int]], named: dict[str, int], reason: str) -> None:
        items = [{"location_id": int(where.id), **named, "quantity": change} for where, change in changes]
        said = self._rest.json("POST", "/v3/inventory/adjustments/relative", {"reason": reason[:60], "items": items})
        if not isinstance(said, dict) or not said.keys() & {"transaction_id", "data"}:
            raise TransientStoreError("BigCommerce did not say that it took the new stock.", may_have_applied=True)


class Stock:
    """What was read of the inventory of some products."""

    def __init__(self, inventory: Inventory, read: Rows) -> None:
        """Keep the rows; each is read when it is asked for, so that an odd one spoils its own product alone."""
        self._inventory, self._is_whole = inventory, read.whole
        self._rows: dict[tuple[str, str], Any] = {}
        for row in read.rows:
            with contextlib.suppress(Malformed):
                one = valid(_Named, row, "BigCommerce's inventory").identity
                self._rows[one.product_id, one.variant_id] = row

    def units(self, parent_id: str, variant_id: str, catalogue: int | None) -> int:
        """Return how many units can be sold of a variant. Raises Malformed where that cannot be read."""
        return sum(one.units for one in self.locations(parent_id, variant_id, catalogue))

    def locations(self, parent_id: str, variant_id: str, catalogue: int | None) -> list[Location]:
        """Return where a variant's units lie. `catalogue` is the catalogue's own number of them.

        Raises NotShown where the inventory has no location for them, and the catalogue has some or rows are missing.
        """
        mine = (self._rows.get((parent_id, named)) for named in (variant_id, "", "0"))
        row = next((one for one in mine if one is not None), None)
        found = [] if row is None else valid(_Item, row, "BigCommerce's inventory").locations
        if found:
            return self._inventory.selling(found)
        if catalogue is not None and catalogue <= 0 and self._is_whole:
            return []
        raise NotShown("BigCommerce's inventory does not show it yet.")


def _units(row: _At) -> int:
    if row.available_to_sell is not None:
        return row.available_to_sell
    if row.total_inventory_onhand is None:
        raise Malformed("BigCommerce's inventory could not be read at available_to_sell.")
    return row.total_inventory_onhand - (row.settings.safety_stock or 0)
