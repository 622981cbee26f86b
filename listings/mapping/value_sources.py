"""Where a value comes from: the product itself, a tag, a rule, an override, a default. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from listings.mapping import conditions
from listings.mapping.known_brands import MAKES
from listings.mapping.value_types import LONGEST, NO_UPC, YES, Defaults, Origin, Rule, Value
from shops.reverb.lists import BRAND_NEW, Choice, Lists
from shops.snapshots import StoreProduct


def model_from_title(title: str, make: str) -> str:
    """Guess the model: the title without the make, or the whole title if nothing would be left."""
    rest = re.sub(rf"\b{re.escape(make)}\b", " ", title, count=1, flags=re.IGNORECASE) if make else title
    return " ".join(rest.split()).strip(" -–,")[:LONGEST] or title[:LONGEST]


def make_in(title: str) -> str:
    """Guess the make: the known one that appears first in the title, the longest on a tie."""
    words = f" {' '.join(re.sub(r'[,/()]', ' ', title).split()).lower()} "
    named = [(words.find(f" {make.lower()} "), -len(make), make) for make in MAKES]
    return min(((at, size, make) for at, size, make in named if at >= 0), default=(0, 0, ""))[2]


def gtin(barcode: str) -> str:
    """Return the digits of a GTIN barcode: 8, 12, 13 or 14 digits with a valid check digit (GS1); else ""."""
    digits = re.sub(r"[\s-]", "", barcode)
    if len(digits) not in (8, 12, 13, 14) or not digits.isascii() or not digits.isdigit() or not int(digits):
        return ""
    weighed = sum(int(digit) * (3 if index % 2 else 1) for index, digit in enumerate(reversed(digits)))
    return digits if weighed % 10 == 0 else ""


def _said(value: Any, origin: Origin, source: str = "") -> Value | None:
    return Value(value, origin, source) if value not in ("", None) else None


def from_override(name: str, overrides: Mapping[str, str]) -> Value | None:
    """Return what the seller set for this product, None if nothing."""
    return _said(_typed(name, overrides[name]), Origin.OVERRIDE) if name in overrides else None


def from_rule(name: str, ruled: Mapping[str, Rule]) -> Value | None:
    """Return what a rule of the seller says, None if none applies. `ruled`: field → its first rule that applies."""
    return _said(_typed(name, ruled[name].says), Origin.RULE, ruled[name].name) if name in ruled else None


def _typed(name: str, text: str) -> Any:
    return text == YES if name in ("handmade", "offers") and text else text[:LONGEST]


def from_note(name: str, notes: Mapping[str, str], defaults: Defaults, lists: Lists) -> Value | None:
    """Return what a tag such as `condition: Very Good` says."""
    text = notes.get(name.replace("_", " "), "") if notes else ""
    if not text:
        return None
    match name:
        case "condition":
            return _condition(text, Origin.TAG, defaults, lists)
        case "category":
            found: Any = category([text], lists.categories)
        case "shipping_profile":
            found = named(text, lists.shipping_profiles)
        case "handmade" | "offers":
            found = _typed(name, text.lower())
        case "upc":
            found = gtin(text)
        case _:
            found = text
    return _said(found, Origin.TAG, f"{name.replace('_', ' ')}: {text}")


def from_store(name: str, product: StoreProduct, defaults: Defaults, lists: Lists) -> Value | None:
    """Return what the store's own fields say; for make and model the chosen attribute precedes the usual field."""
    if name == "condition":
        return _condition(conditions.stated(product, lists.conditions), Origin.STORE, defaults, lists)
    chosen = {"make": defaults.make_from, "model": defaults.model_from}.get(name, "")
    if text := product.attributes.get(chosen, "").strip():
        return Value(text[:LONGEST], Origin.STORE, chosen)
    match name:
        case "make":
            source, text = "vendor", product.vendor.strip()
        case "category":
            kinds = _kinds(product)
            source = "categories" if len(kinds) > 1 else "product type"
            text = category(kinds, lists.categories)
        case "finish":
            source, text = "variant", product.finish
        case "upc":
            source, text = "barcode", gtin(product.barcode)
        case _:
            return None
    return _said(text[:LONGEST], Origin.STORE, source)


def _condition(words: str, origin: Origin, defaults: Defaults, lists: Lists) -> Value | None:
    """Return the condition that words state; None if they state none, or if the default grades used products."""
    grade = conditions.graded(words, lists.conditions)
    by_default = not grade and conditions.is_used_alone(words) and defaults.condition not in ("", BRAND_NEW)
    return Value(grade, origin, f"condition: {words}") if words and not by_default else None


def shown_condition(known: Value | None, product: StoreProduct, lists: Lists) -> dict[str, Value]:
    """Return the condition that other words of the store show, unless a more reliable source states one.

    A field that says "new" is no more reliable than the word "used" elsewhere; the seller's own value, tag and rule
    are.
    """
    value, origin = (known.value, known.origin) if known else ("", Origin.DEFAULT)
    if origin != Origin.DEFAULT and value and (value, origin) != (BRAND_NEW, Origin.STORE):
        return {}
    words, grade = conditions.shown(product, lists.conditions)
    if grade:
        return {"condition": Value(grade, Origin.GUESS, words)}
    return {"condition": Value("", Origin.STORE, words)} if words and value == BRAND_NEW else {}


def _kinds(product: StoreProduct) -> Sequence[str]:
    """Return the store's terms for the kind of product: its type, or all its categories if the type is one."""
    kind = product.product_type
    return [kind, *product.collections] if kind in product.collections else [kind]


def shown_category(found: Mapping[str, Value], product: StoreProduct, lists: Lists) -> dict[str, Value]:
    """Return the category that the store's collections name, if only the default says one."""
    if "category" in found and found["category"].origin != Origin.DEFAULT:
        return {}
    guess = "" if product.product_type in product.collections else category(product.collections, lists.categories)
    return {"category": Value(guess, Origin.GUESS, "collection")} if guess else {}


def from_default(name: str, defaults: Defaults) -> Value | None:
    """Return the shop's default for a field, None if it has none."""
    match name:
        case "upc":
            return Value(NO_UPC, Origin.DEFAULT) if defaults.upc_does_not_apply else None
        case "handmade":
            return Value(True, Origin.DEFAULT) if defaults.handmade else None
        case "offers":
            return Value(defaults.offers, Origin.DEFAULT)
        case "condition" | "category" | "shipping_profile":
            return _said(getattr(defaults, name), Origin.DEFAULT)
    return None


def notes_in(tags: Sequence[str], lists: Lists) -> dict[str, str]:
    """Parse tags such as `condition: Very Good`, for what a store has no field."""
    pairs = (tag.partition(":") for tag in tags)
    found = {key.strip().lower(): value.strip()[:LONGEST] for key, colon, value in pairs if colon and value.strip()}
    condition = conditions.tagged(tags, lists.conditions)
    return found | {"condition": condition[:LONGEST]} if condition else found


def named(name: str, choices: Sequence[Choice]) -> str:
    """Return the id of the choice with this name, case-insensitively; "" if there is none."""
    wanted = name.strip().lower()
    return next((choice.id for choice in choices if wanted and choice.name.lower() == wanted), "")


def category(names: Sequence[str], choices: Sequence[Choice]) -> str:
    """Return the deepest of the categories that the store's terms name, "" if they name none.

    A term names a category by its full name, or by its last part. If several share that part, the one whose parent the
    store also names wins.
    """
    wanted = list(dict.fromkeys(re.sub(r"\s*/\s*", " / ", name.strip().lower()) for name in names if name.strip()))
    ends = {name.rpartition(" / ")[2] for name in wanted}
    near = [choice for choice in choices if ends and choice.name.lower().rpartition(" / ")[2] in ends]
    found = [one for name in wanted if near and (one := _the_one(name, near, wanted))]
    best = max(found, key=lambda one: (one.listable, one.name.count(" / ")), default=None)
    return best.id if best else ""


def _the_one(name: str, choices: Sequence[Choice], wanted: Sequence[str]) -> Choice | None:
    """Return the category that a term names; None if it is ambiguous."""
    paths = [(choice, choice.name.lower()) for choice in choices]
    ends = [(choice, path.rpartition(" / ")[0]) for choice, path in paths if path.rpartition(" / ")[2] == name]
    below = [choice for choice, parent in ends if parent in wanted or parent.rpartition(" / ")[2] in wanted]
    found = below or [choice for choice, path in paths if path == name] or [choice for choice, _ in ends]
    return found[0] if len(found) == 1 else None
