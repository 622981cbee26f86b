"""What each field of a listing says, and its origin: a pure function of product, rules and Reverb's lists.

For each field the most reliable source wins: the seller's own value for the product, a tag, a rule for a group, the
store's own field, a guess from the title, the shop's default.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import ROUND_HALF_UP, Decimal
from enum import StrEnum
from typing import Any

from listings.mapping import conditions
from listings.mapping.known_brands import MAKES
from listings.mapping.product_groups import groups_of
from shops.reverb.lists import BRAND_NEW, Choice, Lists
from shops.snapshots import StoreProduct

#: Longest title, make, model, finish (Reverb's PrestaShop plugin).
LONGEST = 255
#: Stands for "UPC does not apply".
NO_UPC = "does not apply"
#: Currencies that a price on Reverb may have (Reverb's API description).
CURRENCIES = frozenset({"USD", "CAD", "EUR", "GBP", "AUD", "JPY", "NZD", "MXN"})
#: Fields that a seller can set by rule or for one product.
SETTABLE = ("make", "model", "condition", "category", "finish", "year", "upc", "shipping_profile", "handmade", "offers")
YES = "yes"


class Origin(StrEnum):
    """The origin of a value, most reliable first."""

    OVERRIDE = "set for this product"
    TAG = "tag in your store"
    RULE = "your rule"
    STORE = "your store"
    GUESS = "guessed from the title"
    DEFAULT = "your default"


@dataclass(frozen=True)
class Value:
    """A value in the form that is compared and sent; `source` names the rule, tag or field."""

    value: Any
    origin: Origin
    source: str = ""


@dataclass(frozen=True)
class Rule:
    """A value for a field of all products of a group: its kind, and the store's term in lower case."""

    group: tuple[str, str]
    field: str
    says: str
    name: str = ""


@dataclass(frozen=True)
class PriceRule:
    """How the price on Reverb is derived from the store's."""

    percent: Decimal = Decimal(0)
    amount: Decimal = Decimal(0)
    rounding: str = ""  # "", "whole" or "99"
    floor: Decimal = Decimal(0)

    def of(self, price: Decimal) -> Decimal | None:
        """Return the price on Reverb, in the same currency, with two decimals.

        None if the store has no price (0 or less), or the rule leaves nothing of it.
        """
        wanted = price * (1 + self.percent / 100) + self.amount
        if price <= 0 or wanted <= 0:
            return None
        if self.rounding == "whole":
            wanted = wanted.quantize(Decimal(1), ROUND_HALF_UP)
        elif self.rounding == "99":
            wanted = max(Decimal(1), (wanted + Decimal("0.01")).quantize(Decimal(1), ROUND_HALF_UP)) - Decimal("0.01")
        wanted = max(wanted, self.floor).quantize(Decimal("0.01"), ROUND_HALF_UP)
        return wanted if wanted > 0 else None


@dataclass(frozen=True)
class Defaults:
    """A shop's values for what its store does not say, and its rules. Ids of Reverb's lists; empty: not chosen."""

    condition: str = BRAND_NEW
    category: str = ""
    shipping_profile: str = ""
    upc_does_not_apply: bool = False
    handmade: bool = False
    offers: bool = True
    make_from: str = ""
    model_from: str = ""
    rules: tuple[Rule, ...] = ()
    price: PriceRule = field(default_factory=PriceRule)


def values(product: StoreProduct, defaults: Defaults, lists: Lists, overrides: Mapping[str, str]) -> dict[str, Value]:
    """Return the settable fields that have a value, each from its most reliable source.

    A condition of "" means that the store names one that Reverb's list does not have; `source` contains the store's
    words.
    """
    notes = _notes(product.tags, lists)
    groups = groups_of(product) if defaults.rules else frozenset()
    ruled = {rule.field: rule for rule in reversed(defaults.rules) if rule.group in groups}
    found: dict[str, Value] = {}
    for name in SETTABLE:
        made = (
            _overridden(name, overrides)
            or _noted(name, notes, defaults, lists)
            or _ruled(name, ruled)
            or _stored(name, product, defaults, lists)
            or _defaulted(name, defaults)
        )
        if made is not None:
            found[name] = made
    found |= _shown_condition(found.get("condition"), product, lists) | _shown_category(found, product, lists)
    if "make" not in found and (make := make_in(product.title)):
        found["make"] = Value(make, Origin.GUESS)
    if "model" not in found:
        make = found["make"].value if "make" in found else ""
        found["model"] = Value(model_from_title(product.title, make), Origin.GUESS)
    return found


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


# -- sources -------------------------------------------------------------------------------------------------------


def _said(value: Any, origin: Origin, source: str = "") -> Value | None:
    return Value(value, origin, source) if value not in ("", None) else None


def _overridden(name: str, overrides: Mapping[str, str]) -> Value | None:
    return _said(_typed(name, overrides[name]), Origin.OVERRIDE) if name in overrides else None


def _ruled(name: str, ruled: Mapping[str, Rule]) -> Value | None:
    return _said(_typed(name, ruled[name].says), Origin.RULE, ruled[name].name) if name in ruled else None


def _typed(name: str, text: str) -> Any:
    return text == YES if name in ("handmade", "offers") and text else text[:LONGEST]


def _noted(name: str, notes: Mapping[str, str], defaults: Defaults, lists: Lists) -> Value | None:
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


def _stored(name: str, product: StoreProduct, defaults: Defaults, lists: Lists) -> Value | None:
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


def _shown_condition(known: Value | None, product: StoreProduct, lists: Lists) -> dict[str, Value]:
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


def _shown_category(found: Mapping[str, Value], product: StoreProduct, lists: Lists) -> dict[str, Value]:
    """Return the category that the store's collections name, if only the default says one."""
    if "category" in found and found["category"].origin != Origin.DEFAULT:
        return {}
    guess = "" if product.product_type in product.collections else category(product.collections, lists.categories)
    return {"category": Value(guess, Origin.GUESS, "collection")} if guess else {}


def _defaulted(name: str, defaults: Defaults) -> Value | None:
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


def _notes(tags: Sequence[str], lists: Lists) -> dict[str, str]:
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
