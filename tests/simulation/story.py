"""A story: two sides, a few products, and events step by step. It contains everything that our code does not decide.

A story can be saved as JSON and run again; removing steps leaves a valid story.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Self

#: The simplest conditions.
PLAIN: dict[str, Any] = {
    "loss": 0.0,
    "twice": 0.0,
    "late_s": 0.0,
    "wake_loss": 0.0,
    "sweep_s": 1.0,
    "reverb_skew_s": 0.0,
    "store_skew_s": 0.0,
    "store_orders_lag_s": 0.0,
    "call_s": (0.02, 0.1),
    "reads_per_minute": 2000,
    "writes_per_minute": 600,
    "odd_neighbour": False,
    "begins_linked": True,
    "begins_with_mass_sync": False,
    "machines_apart_s": 0.0,
    "scattered": False,
}
PLAIN_REVERB: dict[str, Any] = {
    "index_lag_s": 0.0,
    "listing_lag_s": 0.0,
    "listing_lag_every": 1,
    "sku_lag_s": 0.0,
    "orders_lag_s": 0.0,
    "publish_delay_s": 1.0,
    "restores_on_cancel": True,
    "unpaid_takes_stock": True,
    "fuzzy_sku": False,
    "send_retry_after": True,
    "refuses_second_sku": True,
    "webhooks_need_oauth": False,
}


@dataclass(frozen=True)
class Thing:
    """A product at the start: its state in the store, and whether it has a listing already."""

    sku: str
    units: int
    used: bool = False
    #: Units of a listing that was created by hand before; None: there is none.
    listed: int | None = None


@dataclass(frozen=True)
class Side:
    """A shop: its settings, its Reverb account, its products."""

    things: tuple[Thing, ...]
    settings: Mapping[str, Any] = field(default_factory=dict)
    oauth: bool = True
    platform: str = "shopify"


@dataclass(frozen=True)
class Step:
    """An event. docs/simulation.md lists the words; `n` is a number that the word uses.

    `at` 0: after `wait` seconds. Else: from then on at the at-th moment that matches `where`: a call of ours to
    "reverb", "store" or "any" side, one that writes ("reverb writes", "store writes", "new listing", "new order"), a
    "statement" or a "commit" of a worker; `late` means right after the call was applied instead of right before it.
    """

    word: str
    wait: float = 1.0
    shop: int = 0
    thing: int = 0
    n: int = 1
    at: int = 0
    where: str = "any"
    late: bool = False

    def in_words(self, names: list[list[str]]) -> str:
        """Return the step in words; `names` are the SKUs of each shop."""
        shop = f" of shop {self.shop + 1}" if len(names) > 1 else ""
        things = names[self.shop]
        what = f" {things[self.thing % len(things)]}{shop}" if self.word in OF_A_THING else ""
        number = f" {self.n}" if self.word in WITH_A_NUMBER else ""
        when = ""
        if self.at:
            kind = {"statement": "statement", "commit": "commit"}.get(self.where, f"call ({self.where})")
            when = f", {'after' if self.late else 'before'} our {kind} no. {self.at} from then on"
        return f"{self.wait:5.1f} s later: {self.word}{number}{what}{when}"


@dataclass(frozen=True)
class Story:
    """The whole input of a run."""

    seed: int
    sides: tuple[Side, ...]
    #: The conditions (tests/simulation/write.py): lags, losses, Reverb's unknown behavior.
    ways: Mapping[str, Any]
    steps: tuple[Step, ...]

    def in_words(self) -> list[str]:
        """Return the story in words."""
        lines = []
        for number, side in enumerate(self.sides, 1):
            things = ", ".join(_thing(thing) for thing in side.things)
            lines.append(f"Shop {number}, {side.platform}: {things}; {_settings(side)}")
        lines.append("The world: " + ", ".join(f"{name} {value}" for name, value in self.ways.items()))
        names = [[thing.sku for thing in side.things] for side in self.sides]
        return lines + [step.in_words(names) for step in self.steps]

    def without(self, first: int, count: int) -> Story:
        """Return the story without some steps; later steps keep their time."""
        gone = sum(step.wait for step in self.steps[first : first + count])
        rest = list(self.steps[:first] + self.steps[first + count :])
        if first < len(rest):
            rest[first] = replace(rest[first], wait=round(rest[first].wait + gone, 3))
        return replace(self, steps=tuple(rest))

    def dumps(self) -> str:
        """Return the story as JSON."""
        return json.dumps(asdict(self))

    @classmethod
    def loads(cls, text: str) -> Self:
        """Return the story from JSON."""
        raw = json.loads(text)
        sides = tuple(
            Side(
                tuple(Thing(**one) for one in side["things"]),
                side["settings"],
                side["oauth"],
                side.get("platform", "shopify"),
            )
            for side in raw["sides"]
        )
        given = {name: tuple(value) if isinstance(value, list) else value for name, value in raw["ways"].items()}
        # Conditions that the story does not name were added after it was saved.
        ways = given | {name: value for name, value in PLAIN.items() if name not in given}
        return cls(raw["seed"], sides, ways, tuple(Step(**one) for one in raw["steps"]))


#: Words about a product.
OF_A_THING = frozenset(
    {
        *("sell", "take back", "count", "price", "delete", "make"),
        *("buy", "buy unpaid", "pay", "cancel", "refund", "block", "ship", "count on reverb", "ship in the store"),
        *("duplicate", "refuse the price", "refuse the listing"),
    }
)
WITH_A_NUMBER = frozenset(
    {
        "hold back",
        "show at most",
        "sell",
        "count",
        "price",
        "buy",
        "buy unpaid",
        "count on reverb",
        "slow",
        "pass",
        "status",
        "store out of order",
        "reverb out of order",
        "store hangs",
        "reverb hangs",
        "store drags",
        "reverb drags",
        "refuse the listing",
        "page",
    }
)
#: Words for the seller's settings: field, and its value (None: the step's number).
SETTINGS: dict[str, tuple[str, bool | None]] = {
    "hold back": ("stock_buffer", None),
    "show at most": ("stock_maximum", None),
    "stop syncing": ("auto_sync", False),
    "start syncing": ("auto_sync", True),
}
#: Words for the buttons of the mass sync → the page's name of the button.
MASS_SYNC = {"pause mass sync": "pause", "resume mass sync": "resume", "cancel mass sync": "cancel"}
#: Words for a side that answers only 503 for some seconds.
OUT_OF_ORDER = {"store out of order": "store", "reverb out of order": "reverb"}
#: Words for a side that accepts connections without responding for some seconds.
HANGS = {"store hangs": "store", "reverb hangs": "reverb"}
#: Words for a side that responds slowly (`calls.DRAGS_S`) for some seconds.
DRAGS = {"store drags": "store", "reverb drags": "reverb"}
#: Words for changes that Reverb refuses in its own words: a price until the story ends, or all for a while.
REFUSALS = frozenset({"refuse the price", "refuse the listing"})
#: Words that affect a call of ours: they always have a moment.
FAULTS = frozenset(
    {
        *("lose the request", "lose the answer", "refuse the line", "slow", "status", "nonsense", "page", "errors"),
        "refuse the keys",
    }
)


def _thing(thing: Thing) -> str:
    listed = "" if thing.listed is None else f", listed with {thing.listed}"
    return f"{thing.sku} ({'used' if thing.used else 'new'}, {thing.units}{listed})"


def _settings(side: Side) -> str:
    settings = ", ".join(f"{name} {value}" for name, value in side.settings.items()) or "default settings"
    return settings if side.oauth else f"{settings}, a personal token"
