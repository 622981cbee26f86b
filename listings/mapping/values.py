"""What each field of a listing says, and its origin: a pure function of product, rules and Reverb's lists.

For each field the most reliable source wins: the seller's own value for the product, a tag, a rule for a group, the
store's own field, a guess from the title, the shop's default.
"""

from __future__ import annotations

from collections.abc import Mapping

from listings.mapping.product_groups import groups_of
from listings.mapping.value_sources import (
    from_default,
    from_note,
    from_override,
    from_rule,
    from_store,
    make_in,
    model_from_title,
    notes_in,
    shown_category,
    shown_condition,
)
from listings.mapping.value_types import SETTABLE, Defaults, Origin, Value
from shops.reverb.lists import Lists
from shops.snapshots import StoreProduct


def values(product: StoreProduct, defaults: Defaults, lists: Lists, overrides: Mapping[str, str]) -> dict[str, Value]:
    """Return the settable fields that have a value, each from its most reliable source.

    A condition of "" means that the store names one that Reverb's list does not have; `source` contains the store's
    words.
    """
    notes = notes_in(product.tags, lists)
    groups = groups_of(product) if defaults.rules else frozenset()
    ruled = {rule.field: rule for rule in reversed(defaults.rules) if rule.group in groups}
    found: dict[str, Value] = {}
    for name in SETTABLE:
        made = (
            from_override(name, overrides)
            or from_note(name, notes, defaults, lists)
            or from_rule(name, ruled)
            or from_store(name, product, defaults, lists)
            or from_default(name, defaults)
        )
        if made is not None:
            found[name] = made
    found |= shown_condition(found.get("condition"), product, lists) | shown_category(found, product, lists)
    if "make" not in found and (make := make_in(product.title)):
        found["make"] = Value(make, Origin.GUESS)
    if "model" not in found:
        make = found["make"].value if "make" in found else ""
        found["model"] = Value(model_from_title(product.title, make), Origin.GUESS)
    return found
