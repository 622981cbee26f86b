"""Compute what a listing should say from what the store says. Pure.

A value is *said* by the store, *guessed* from it, or a *default* of the shop. New listings get all three. On an
existing listing a guess only follows an earlier guess of ours, and a default changes nothing. Neither overwrites what a
seller wrote on Reverb.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from listings.mapping import value_types, values
from listings.mapping.descriptions import clean_description
from listings.mapping.value_types import LONGEST, NO_UPC, Defaults, Origin
from shops.reverb.lists import Lists
from shops.snapshots import ReverbListing, StoreProduct


@dataclass(frozen=True)
class Wanted:
    """Field → value, each comparable with `shown`. Stock is not included: `decide.py` handles it."""

    said: Mapping[str, Any] = field(default_factory=dict)
    guessed: Mapping[str, Any] = field(default_factory=dict)
    defaults: Mapping[str, Any] = field(default_factory=dict)
    #: Id of the reason why no listing can be made or published of it; empty if one can.
    unsendable: str = ""

    @property
    def all(self) -> dict[str, Any]:
        """Every field that has a value, from the most reliable source."""
        return {**self.defaults, **self.guessed, **self.said}


def wanted(
    product: StoreProduct, defaults: Defaults, lists: Lists, overrides: Mapping[str, str] | None = None
) -> Wanted:
    """Return what the listing of `product` should say."""
    found = values.values(product, defaults, lists, overrides or {})
    said = {
        "title": " ".join(product.title.split())[:LONGEST],
        "description": clean_description(product.description),
        "photos": list(product.photos),
    }
    price = defaults.price.of(product.price)
    if price is not None and product.currency in value_types.CURRENCIES:
        said["price"] = f"{price:.2f} {product.currency}"
    kinds: dict[str, dict[str, Any]] = {"said": said, "guessed": {}, "defaults": {}}
    for name, value in found.items():
        kind = {Origin.GUESS: "guessed", Origin.DEFAULT: "defaults"}.get(value.origin, "said")
        kinds[kind][name] = value.value
    return Wanted(
        said={name: value for name, value in said.items() if value not in ("", [])},
        guessed=kinds["guessed"],
        defaults=kinds["defaults"],
        unsendable=_unsendable(product, said),
    )


def _unsendable(product: StoreProduct, said: Mapping[str, Any]) -> str:
    """Return the reason why no listing can be made or published, "" if one can."""
    if product.currency not in value_types.CURRENCIES:
        return "currency_not_taken"
    if "price" not in said:
        return "no_price"
    if said.get("condition") == "":
        return "condition_unclear"
    return "" if said["title"] else "no_title"


def shown(listing: ReverbListing, name: str, want: Any) -> Any:
    """Return what Reverb shows for a field, comparable with the wanted value; None if it does not say."""
    match name:
        case "price":
            return f"{listing.price:.2f} {listing.currency}" if listing.price is not None else None
        case "category":
            # A seller may have added a second category on Reverb, so it is enough if the wanted one is among them.
            found = listing.categories
            return None if found is None else want if want in found else (found[0] if found else "")
        case "photos":
            return None  # Reverb shows its own copies, fetched later, under its own addresses
        case "offers":
            return listing.offers_enabled
        case "title":
            return None if listing.title is None else " ".join(listing.title.split())
    return getattr(listing, name)


def body(values: Mapping[str, Any], *, update: bool) -> dict[str, Any]:
    """Return the JSON that sets these fields (Reverb docs: create and update listings)."""
    made: dict[str, Any] = {}
    for name, value in values.items():
        match name:
            case "price":
                amount, _, currency = value.partition(" ")
                made["price"] = {"amount": amount, "currency": currency}
            case "condition":
                made["condition"] = {"uuid": value}
            case "category":
                made["categories"] = [{"uuid": value}]
            case "upc" if value == NO_UPC:
                made["upc_does_not_apply"] = True
            case "offers":
                made["offers_enabled"] = value
            case "shipping_profile":
                made["shipping_profile_id"] = value
            case "photos":
                made["photos"] = value
                if update:  # without it a PUT adds to the photos instead of replacing them
                    made["photo_upload_method"] = "override_position"
            case _:
                made[name] = value
    return made


#: Names in Reverb's JSON that differ from ours.
_OURS = {
    "categories": "category",
    "offers_enabled": "offers",
    "shipping_profile_id": "shipping_profile",
    "shipping": "shipping_profile",
    "upc_does_not_apply": "upc",
    "photo_upload_method": "photos",
    "inventory": "stock",
    "has_inventory": "stock",
}


def fields_named(errors: Mapping[str, Any]) -> frozenset[str]:
    """Return our names of the fields that Reverb's errors name, such as `shipping_profile_id` or `price.amount`."""
    words = {word for name in errors for word in re.split(r"[^a-z_]+", name.lower()) if word}
    return frozenset(_OURS.get(word, word) for word in words)
