"""The data of a listing's values: where one comes from, the rules and defaults that make it."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import ROUND_HALF_UP, Decimal
from enum import StrEnum
from typing import Any

from shops.reverb.lists import BRAND_NEW

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
