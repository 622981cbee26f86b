"""Changes of a listing that Reverb refuses in its own words: a price until the story ends, or all for a while."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field

from tests.simulation.calls import Call
from tests.simulation.lines import Answered
from tests.simulation.story import Step
from tests.simulation.world import World

OF_PRICE = {"message": "Validation failed", "errors": {"price": ["is not allowed in this category"]}}
OF_LISTING = {"message": "This listing can't be changed right now.", "errors": {}}


@dataclass
class Refusals:
    """Listings on Reverb that accept no price, or no change."""

    world: World
    _prices: set[str] = field(default_factory=set)
    #: Id of a listing → until when.
    _listings: dict[str, float] = field(default_factory=dict)

    def begin(self, step: Step, now: float) -> None:
        """Refuse from now on what the step names, if the product has a listing."""
        items = self.world.items[step.shop]
        listing = self.world.listing(items[step.thing % len(items)])
        if listing is None:
            return
        if step.word == "refuse the price":
            self._prices.add(str(listing["id"]))
        else:
            self._listings[str(listing["id"])] = now + step.n

    def of(self, call: Call, now: float) -> Answered | None:
        """Return the refusal of a call, None if Reverb accepts it."""
        about = re.match(r"/api/(?:my/)?listings/(\d+)", call.path)  # in its own link a name follows the id
        if call.side != "reverb" or call.method != "PUT" or about is None:
            return None
        named = about[1]
        if now < self._listings.get(named, 0.0):
            said = OF_LISTING
        elif named in self._prices and "price" in (call.body or {}):
            said = OF_PRICE
        else:
            return None
        return Answered(422, [("Content-Type", "application/json")], json.dumps(said).encode())

    def end_those_of_listings(self) -> None:
        """Accept changes again; prices are still refused."""
        self._listings.clear()

    def end(self) -> None:
        """Accept everything again."""
        self._listings.clear()
        self._prices.clear()
