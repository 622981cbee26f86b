"""Which condition a store says a product has, in the terms of Reverb's list. Pure.

A product that a store calls used, or grades in words unknown to Reverb, is never listed as Brand New. A field or tag
for the condition *states* it. Other words only *show* it, depending on their place: see `shown`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import lru_cache

from listings.mapping.condition_words import (
    AT_AN_END,
    BRACKETS,
    CALLS_USED,
    GRADE,
    IDIOMS,
    NEW,
    NOISE,
    NOTHING_ELSE,
    SEPARATORS,
    USED_ALONE,
)
from shops.reverb.lists import BRAND_NEW, CONDITIONS, Choice
from shops.snapshots import StoreProduct

#: Names of fields that state a condition, most reliable first, as `_name` returns them.
_FIELDS = (
    "condition",
    "item condition",
    "product condition",
    "condition type",
    "zustand",
    "artikelzustand",
    "google condition",
)
#: Names of fields with other uses: they count if they contain a condition's name, or "used".
_OTHER_FIELDS = frozenset(
    {"conditions", "grade", "état", "etat", "estado", "stato", "staat", "conditie", "condizione", "condizioni"}
)
#: A field with more words contains a text, such as the conditions of a sale.
_MOST_WORDS = 4
_YES = re.compile(r"(?:yes|true|1|y|ja|oui|s[ií])\b", re.IGNORECASE)

# Patterns for words as `_plain` returns them: letters and digits with single blanks, so "B-Stock" is "B Stock".


def stated(product: StoreProduct, choices: Sequence[Choice]) -> str:
    """Return what a field of the store states, in the store's words; "" if none does."""
    return _surest(product.attributes.items(), choices)


def tagged(tags: Sequence[str], choices: Sequence[Choice]) -> str:
    """Return what a tag such as `condition: Used` or `condition_used` states, in its words; "" if none does."""
    return _surest(map(_pair, tags), choices)


def graded(words: str, choices: Sequence[Choice]) -> str:
    """Return the id of the condition that `words` name, "" if they name none: "Used - Very Good" is Very Good."""
    said = _plain(words).lower()
    names = _names(tuple(choices))
    if said in names:
        return names[said]
    rest = _plain(NOISE.sub(" ", said))
    found = BRAND_NEW if rest in NEW else names.get(rest, "")
    return "" if found == BRAND_NEW and CALLS_USED.search(said) else found


def is_used_alone(words: str) -> bool:
    """Return whether words say only that a product is used."""
    return USED_ALONE.fullmatch(_plain(words)) is not None


def shown(product: StoreProduct, choices: Sequence[Choice]) -> tuple[str, str]:
    """Return the words that show that a product is not new, and the condition's id; "" for what is unknown.

    They are words such as "used" in tags, product type and collections; in a title only in brackets, at an end of a
    part, or in capitals; fields such as `used: true`; and what a field for another purpose says about it.
    """
    pairs = (*product.attributes.items(), *map(_pair, product.tags))
    found = [words for name, text in pairs if (words := _in_field(name, text, choices))]
    texts = (*product.tags, product.product_type, *product.collections)
    found += [words for words in texts if ":" not in words and _calls_used(words)]
    found += _in_title(product.title)
    allowed = {choice.id for choice in choices or CONDITIONS}
    grades = {grade: words for words in found if (grade := graded(words, choices)) not in ("", BRAND_NEW)}
    if len(grades) == 1 and grades.keys() <= allowed:
        return next((words, grade) for grade, words in grades.items())
    return (found[0] if found else ""), ""


def _pair(tag: str) -> tuple[str, str]:
    """Return name and value of a tag such as `condition: Used`, `condition=Used` or `condition_used`."""
    name, _, words = tag.partition(next((sign for sign in ":=_" if sign in tag), ":"))
    return name, words


@lru_cache(maxsize=4096)
def _name(name: str) -> str:
    """Return the name of a field in lower case, without its namespace, its words separated by single blanks."""
    return _plain(name.rpartition(".")[2]).lower()


def _surest(pairs: Iterable[tuple[str, str]], choices: Sequence[Choice]) -> str:
    """Return the most reliable words: a grade, then "used", the store's own words, "new", and last a URL.

    A name such as `_condition` is that of a hidden field, which a plug-in may fill by itself: it states nothing.
    """
    by_name = [(_name(name), words.strip()) for name, words in pairs if not name.startswith("_") and words.strip()]
    said = [words for field in _FIELDS for name, words in by_name if name == field]
    return min(said, key=lambda words: _rank(words, choices)) if len(said) > 1 else "".join(said)


def _rank(words: str, choices: Sequence[Choice]) -> int:
    if grade := graded(words, choices):
        return 3 if grade == BRAND_NEW else 0
    return 1 if _calls_used(words) else 4 if "://" in words else 2


def _in_field(name: str, words: str, choices: Sequence[Choice]) -> str:
    """Return what a field says about a product that is not new; "" if it says nothing, or that it is new."""
    known = _name(name)
    if known in _FIELDS or known in _OTHER_FIELDS:
        is_used = len(words.split()) <= _MOST_WORDS and _calls_used(words)
        return words if is_used or graded(words, choices) not in ("", BRAND_NEW) else ""
    if known.endswith(("condition", "zustand")):
        return words if is_used_alone(words) else ""
    flag = re.sub("^(?:is|item|product) ", "", known)
    if not USED_ALONE.fullmatch(flag):
        return ""
    return flag if _YES.match(words.strip()) else f"{flag} {words}" if graded(words, choices) else ""


def _plain(words: str) -> str:
    return " ".join(re.sub(r"[\W_]+", " ", words).split())


@lru_cache(maxsize=64)
def _names(choices: tuple[Choice, ...]) -> Mapping[str, str]:
    return {_plain(choice.name).lower(): choice.id for choice in (*CONDITIONS, *choices)}


@lru_cache(maxsize=16_384)
def _calls_used(words: str) -> bool:
    """Return whether a tag, a collection or a value contains a word that calls a product used."""
    said = IDIOMS.sub(" ", _plain(words))
    return CALLS_USED.search(said) is not None or NOTHING_ELSE.fullmatch(said) is not None


def _in_title(title: str) -> Iterator[str]:
    """Yield the parts of a title that call the product used, or the grade from the part beside one."""
    for group in BRACKETS.findall(title):
        if any(_stands_out(part) or NOTHING_ELSE.fullmatch(part) for part in _parts(group)):
            yield group
    parts, mixed = _parts(BRACKETS.sub("|", title)), not title.isupper()
    for index, part in enumerate(parts):
        if _stands_out(part) or (mixed and _shouts(part)):
            grades = [one for one in parts[max(0, index - 1) : index + 2] if GRADE.fullmatch(one)]
            yield f"Used {grades[0]}" if grades else part
        elif index and NOTHING_ELSE.fullmatch(part):
            yield part


def _parts(text: str) -> list[str]:
    return [plain for part in SEPARATORS.split(text) if (plain := _plain(part))]


def _stands_out(part: str) -> bool:
    return AT_AN_END.search(IDIOMS.sub(" ", part).strip()) is not None


def _shouts(part: str) -> bool:
    """Return whether a word for used is in capitals, in a title that is not all in capitals."""
    words = CALLS_USED.findall(IDIOMS.sub(" ", part))
    return part.endswith(" DEMO") or any(word.isupper() for word in words)
