"""Words and patterns by which a product's texts name its condition."""

from __future__ import annotations

import re

NEW = frozenset({"new", "brand new", "new in box", "bnib", "neu", "neuware", "neuf", "nuevo", "nuovo", "nieuw", "novo"})
_USED = (
    r"(?:(?:gently|lightly|barely|hardly) )?used|pre ?(?:owned|loved)|(?:second|2nd) ?hand|refurb(?:ished)?|renewed"
    r"|reconditioned|b ?stock|open ?box|ex ?(?:demo|display|rental|hire)|(?:demo|display|floor) (?:model|unit)"
    r"|shop ?(?:soiled|worn)|blem(?:ished)?|scratch (?:and )?dent|for parts or repair|spares or repairs?"
    r"|gebrauchte?[rsn]?|b ?ware|vorführ\w*|ausstellungsstück|d occasion|seconde main|reconditionnée?"
    r"|usad[oa]s?|segunda mano|usat[oaie]|seconda mano|gebruikte?|tweedehands|中古品?"
)
CALLS_USED = re.compile(rf"\b(?:{_USED})\b", re.IGNORECASE)
AT_AN_END = re.compile(rf"^(?:{_USED})\b|\b(?:{_USED})$", re.IGNORECASE)
USED_ALONE = re.compile(_USED, re.IGNORECASE)
#: Words with other meanings, such as names: they count only if nothing else is beside them.
NOTHING_ELSE = re.compile(
    r"(?:(?:store|shop) )?demos?|occasions?|excellent|very good|near mint|like new|as new"
    r"|(?:(?:very )?good|excellent|fair|poor|(?:near )?mint|used) condition",
    re.IGNORECASE,
)
#: Phrases that contain such a word but do not call anything used.
IDIOMS = re.compile(
    r"\b(?:new (?:(?:and|or|und|et) )?(?:used|second ?hand|pre ?owned)"
    r"|(?:used|second ?hand|pre ?owned) (?:and|or|und) new"
    r"|(?:not|never|(?<!sold )as|be|most|widely|commonly|often|also|they|he|she|we|you) used"
    r"|used (?:by|to|look|finish|style|as(?! is)|on(?! sale)|for(?! (?:sale|parts))"
    r"|in(?! (?:stock|box|case|original|(?:\w+ ){0,2}condition))))\b",
    re.IGNORECASE,
)
#: Words beside a grade that do not change it. B-Stock is a condition by itself.
NOISE = re.compile(rf"\b(?:(?!b ?stock)(?:{_USED})|in|condition|zustand|(?:19|20)\d\d)\b", re.IGNORECASE)
#: Grades that may be in the next part of a title. Mint does not count there: it is also a colour.
GRADE = re.compile("non functioning|poor|fair|(?:very )?good|excellent", re.IGNORECASE)
BRACKETS = re.compile(r"[(\[{【]([^)\]}】]*)[)\]}】]?")
SEPARATORS = re.compile(r"\s[-–—]|[-–—]\s|[|,;:/*•·~!]")
