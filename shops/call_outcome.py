"""Meanings of an external answer, shared by all stores and Reverb."""

from __future__ import annotations

from enum import StrEnum


class CallOutcome(StrEnum):
    """What an answer means."""

    DONE = "done"
    MISSING = "missing"
    KEYS = "keys"
    REFUSED = "refused"
    LATER = "later"
