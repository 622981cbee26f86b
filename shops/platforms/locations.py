"""Choose at which of a store's locations to change stock. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from shops.platforms.values import Count


@dataclass(frozen=True)
class Location:
    """A location that the store sells from, and how many units can be taken there.

    `last`: change it only if no other location can serve, for example because another system manages its stock.
    """

    id: str
    units: int
    last: bool = False


def count_of(units: int, locations: Sequence[Location]) -> Count:
    """Return the count of a product whose units lie at `locations`; an adjustment may start from it days later."""
    most = _preferred(locations)
    location = " ".join(f"{one.id}={one.units}{'!' if one.last else ''}" for one in locations)
    return Count(units, location, most[0].units if most else 0)


def changed(count: Count, changes: Sequence[tuple[Location, int]], by: int) -> Count:
    """Return `count` after `changes`, which were made for a change by `by`."""
    made = dict(changes)
    locations = [Location(one.id, one.units + made.get(one, 0), one.last) for one in locations_of(count)]
    done = sum(made.values())
    return replace(count_of((count.units or 0) + done, locations), done=None if done == by else done)


def locations_of(count: Count) -> list[Location]:
    """Return the locations of a count that `count_of` made, or of one that names a single location."""
    found = []
    for word in count.location.split():
        name, equals, units = word.rpartition("=")
        if equals:
            found.append(Location(name, int(units.rstrip("!")), units.endswith("!")))
        else:
            found.append(Location(word, count.there))
    return found


def spread(locations: Iterable[Location], by: int) -> list[tuple[Location, int]]:
    """Return each location's change, so that they add up to `by` with as few locations as possible.

    A raise goes to one location. Units are removed where they are, from the fullest location first; the sum is smaller
    than `by` if there are too few.
    """
    order = _preferred(locations)
    if by >= 0:
        return [(order[0], by)] if order and by else []
    changes, missing = [], -by
    for one in order:
        taken = min(max(0, one.units), missing)
        if taken:
            changes.append((one, -taken))
            missing -= taken
    return changes


def _preferred(locations: Iterable[Location]) -> list[Location]:
    return sorted(locations, key=lambda one: (one.last, -one.units))
