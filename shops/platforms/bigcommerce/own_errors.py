"""BigCommerce's own errors among its answers."""

from __future__ import annotations

import re
from typing import Any

GONE = re.compile(
    r"\b(?:product|variant|order|hook|webhook|resource)\b.*\b(?:not (?:be )?found|does(?: no|n['’])t exist)"
)
ELSEWHERE = re.compile(r"\b(?:route|url|endpoint|page|path|store)\b")
#: Words that fit any URL; the object's absence must be confirmed by its list.
GENERIC = re.compile(r"\bresource\b")
RIGHTS = re.compile(r"\b(?:permissions?|access|token|credentials|authori[sz]ed)\b")


def first_error(said: Any) -> dict[str, Any] | None:
    """Return the first error of an answer, a list in v2 and an object in v3; None if it is neither."""
    first = said[0] if isinstance(said, list) and said else said
    return first if isinstance(first, dict) else None


def own_error(status: int, said: Any) -> dict[str, Any] | None:
    """Return the error if it has one of BigCommerce's own formats."""
    error = first_error(said)
    if error is None or str(error.get("status")) != str(status):
        return None
    is_v2 = isinstance(said, list) and isinstance(error.get("message"), str)
    is_v3 = isinstance(said, dict) and isinstance(error.get("title"), str) and "type" in error
    return error if is_v2 or is_v3 else None
