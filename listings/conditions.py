"""Which condition a store says a product has, in the words of Reverb's list. Pure.

What a store calls used, or grades in words that Reverb does not know, is never listed as Brand New.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from shops.pictures import StoreProduct
from shops.reverb.lists import BRAND_NEW, CONDITIONS, Choice

#: Names of the store's own fields that hold a condition, in lower case, without a namespace before them.
_FIELDS = (
    "condition",
    "item condition",
    "item_condition",
    "product condition",
    "product_condition",
    "google condition",
)
_NEW = frozenset({"new", "brand new", "new in box", "bnib", "neu"})
_USED = r"used|pre-?owned|pre-?loved|second[- ]?hand|refurbished|renewed|b-?stock|open[- ]box|ex-demo"
#: A tag, collection or product type that has such a word.
_USED_WORD = re.compile(rf"\b(?:{_USED})\b", re.IGNORECASE)
#: A title that begins or ends with such a word, or has it in brackets: "used by" in the middle means nothing.
_USED_TITLE = re.compile(rf"^\W*(?:{_USED})\b|[(\[]\s*(?:{_USED})\s*[)\]]|[-–,|]\s*(?:{_USED})\W*$", re.IGNORECASE)
_NOISE = re.compile(r"\b(?:used|pre-?owned|second[- ]?hand|condition)\b|[-–—_:,()\[\]/]", re.IGNORECASE)


def stated(product: StoreProduct) -> str:
    """Return what a field of the store says of the condition, in the store's words; "" where it says nothing."""
    fields = {name.strip().lower().rpartition(".")[2]: text for name, text in product.attributes.items()}
    return next((fields[name].strip() for name in _FIELDS if fields.get(name, "").strip()), "")


def graded(words: str, choices: Sequence[Choice]) -> str:
    """Return the id of the condition that `words` name, "" where they name none: "Used - Very Good" is Very Good."""
    said = " ".join(words.lower().split())
    if said in _NEW:
        return BRAND_NEW
    names = {" ".join(choice.name.lower().split()): choice.id for choice in (*CONDITIONS, *choices)}
    return names.get(said) or names.get(" ".join(_NOISE.sub(" ", said).split()), "")


def is_used_alone(words: str) -> bool:
    """Tell whether words say that a product is used, and no more."""
    return re.fullmatch(rf"\s*(?:{_USED})\s*", words, re.IGNORECASE) is not None


def looks_used(product: StoreProduct) -> str:
    """Return the words by which the store calls a product used without grading it, "" where it does not."""
    for words in (*product.tags, product.product_type, *product.collections):
        if ":" not in words and _USED_WORD.search(words):
            return words
    return product.title if _USED_TITLE.search(product.title) else ""
