"""The input and the result of a decision: `Case` and `Decision`."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any

from listings.sync.payload import Wanted
from shops.snapshots import ReverbListing

Agreed = Mapping[str, Mapping[str, Any]]
#: The key in `agreed` for the time of our last call with fields (seconds since 1970).
WRITTEN = "written"


class Action(StrEnum):
    """The kind of the next step."""

    NOTHING = "nothing"
    CREATE = "create"
    UPDATE = "update"
    SKIP = "skip"


@dataclass(frozen=True)
class Decision:
    """The next step: `reason` is an id of synclog/reasons.py, `body` the JSON to send, `sends` field → wanted value."""

    action: Action
    reason: str
    body: Mapping[str, Any] = field(default_factory=dict)
    sends: Mapping[str, Any] = field(default_factory=dict)
    publishes: bool = False
    #: A lower stock goes alone, before everything else; `follow` names the fields that follow in the next call.
    first: bool = False
    follow: tuple[str, ...] = ()


@dataclass(frozen=True)
class Switches:
    """What the seller allows."""

    create: bool = True
    publish: bool = False
    fields: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Case:
    """Everything that a decision depends on.

    `units`: what Reverb is to show, None if the store does not count or its stock does not sync. `number`: what Reverb
    showed when that was last agreed, None if it never was (listings/stock). `for_sale`: active in the store. `sku`: ""
    if the listing keeps its own.
    """

    sku: str
    wanted: Wanted
    units: int | None
    for_sale: bool
    listing: ReverbListing | None
    agreed: Agreed
    switches: Switches
    #: Names of the ids of conditions, categories and shipping profiles, for people.
    names: Mapping[str, str] = field(default_factory=dict)
    number: int | None = None
    #: Our last call was a moment ago. A response may show the state before it, which does not mean that it was undone.
    written_lately: bool = False
    #: A lower stock goes alone, before everything else. False: it goes with the rest, since Reverb refused it alone, or
    #: to save a call of a mass sync. An end always goes alone.
    stock_first: bool = True

    def only_stock(self) -> Case:
        """Return the case with the stock as its only field."""
        switches = replace(self.switches, create=False, publish=False, fields=self.switches.fields & {"stock"})
        return replace(self, sku="", wanted=Wanted(), switches=switches)

    def without(self, refused: Collection[str]) -> Case:
        """Return the case without the fields that Reverb refused."""
        publish = self.switches.publish and "publish" not in refused
        switches = replace(self.switches, publish=publish, fields=self.switches.fields - frozenset(refused))
        return replace(self, sku="" if "sku" in refused else self.sku, switches=switches)
