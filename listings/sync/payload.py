"""What a listing should say, worked out from what the store says. Pure.

A value is *said* by the store, *guessed* from it, or a *default* of the shop. New listings get all three. On a listing
that is there, a guess only follows an earlier guess of ours, and a default changes nothing: neither ever overwrites
what a seller wrote on Reverb.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import nh3

from shops.pictures import ReverbListing, StoreProduct
from shops.reverb.lists import BRAND_NEW, Choice, Lists

#: Longest title, make, model, finish (Reverb's PrestaShop plugin).
LONGEST = 255
#: Stands for "UPC does not apply".
NO_UPC = "does not apply"
#: The tags that Reverb keeps in a description (Reverb's Magento plugin).
KEPT_TAGS = {"ul", "ol", "li", "strong", "b", "em", "i", "u", "div", "p", "br"}


@dataclass(frozen=True)
class Defaults:
    """A shop's answers for what its store does not say. Ids of Reverb's lists; empty when not chosen."""

    condition: str = BRAND_NEW
    category: str = ""
    shipping_profile: str = ""
    upc_does_not_apply: bool = False


@dataclass(frozen=True)
class Wanted:
    """Field → value, each comparable with `shown`. Stock is the decision's business and not in here."""

    said: Mapping[str, Any] = field(default_factory=dict)
    guessed: Mapping[str, Any] = field(default_factory=dict)
    defaults: Mapping[str, Any] = field(default_factory=dict)

    @property
    def all(self) -> dict[str, Any]:
        """Every field that has a value, the surest one."""
        return {**self.defaults, **self.guessed, **self.said}


def wanted(product: StoreProduct, defaults: Defaults, lists: Lists) -> Wanted:
    """Return what the listing of `product` should say."""
    notes = _notes(product.tags)
    make = notes.get("make") or product.vendor.strip()
    said = {
        "title": " ".join(product.title.split())[:LONGEST],
        "description": clean_description(product.description),
        "price": f"{product.price:.2f} {product.currency}",
        "photos": list(product.photos),
        "make": make,
        "model": notes.get("model"),
        "condition": _named(notes.get("condition"), lists.conditions),
        "category": _category(product.product_type, lists.categories),
        "finish": notes.get("finish") or product.finish,
        "year": notes.get("year"),
        "upc": product.barcode,
        "shipping_profile": _named(notes.get("shipping profile"), lists.shipping_profiles),
    }
    taken_as_given = {
        "condition": defaults.condition,
        "category": defaults.category,
        "shipping_profile": defaults.shipping_profile,
        "upc": NO_UPC if defaults.upc_does_not_apply else "",
    }
    return Wanted(
        said={name: value for name, value in said.items() if value},
        guessed={"model": model_from_title(product.title, make)},
        defaults={name: value for name, value in taken_as_given.items() if value},
    )


def shown(listing: ReverbListing, name: str, want: Any) -> Any:
    """Return what Reverb shows for a field, comparable with the wanted value; None when it does not say."""
    match name:
        case "price":
            return f"{listing.price:.2f} {listing.currency}" if listing.price is not None else None
        case "category":
            # A seller may have added a second category on Reverb: the wanted one being among them is enough.
            found = listing.categories
            return None if found is None else want if want in found else (found[0] if found else "")
        case "photos":
            return None  # Reverb shows its own copies, fetched later, under addresses of its own
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
            case "shipping_profile":
                made["shipping_profile_id"] = value
            case "photos":
                made["photos"] = value
                if update:  # without it a PUT adds to the photos instead of replacing them
                    made["photo_upload_method"] = "override_position"
            case _:
                made[name] = value
    return made


def clean_description(html: str) -> str:
    """Return the description with the tags that Reverb keeps; the text of all others stays."""
    return nh3.clean(html, tags=KEPT_TAGS, attributes={}, link_rel=None).strip()


def model_from_title(title: str, make: str) -> str:
    """Guess the model: the title less the make, or the title when nothing would be left."""
    rest = re.sub(rf"\b{re.escape(make)}\b", " ", title, count=1, flags=re.IGNORECASE) if make else title
    return " ".join(rest.split()).strip(" -–,")[:LONGEST] or title[:LONGEST]


def _notes(tags: Sequence[str]) -> dict[str, str]:
    """Read tags of the form `condition: Very Good`: what a store has no field for."""
    pairs = (tag.partition(":") for tag in tags)
    return {key.strip().lower(): value.strip()[:LONGEST] for key, colon, value in pairs if colon and value.strip()}


def _named(name: str | None, choices: Sequence[Choice]) -> str:
    """Return the id of the choice with this name, whatever the case; "" when there is none."""
    asked = (name or "").strip().lower()
    return next((choice.id for choice in choices if asked and choice.name.lower() == asked), "")


def _category(product_type: str, choices: Sequence[Choice]) -> str:
    """Return the category that the product type names, by its full name or, if no other shares it, its last part."""
    full = _named(re.sub(r"\s*/\s*", " / ", product_type), choices)
    if full:
        return full
    asked = product_type.strip().lower()
    ends = [c.id for c in choices if asked and c.name.lower().rpartition(" / ")[2] == asked]
    return ends[0] if len(ends) == 1 else ""
