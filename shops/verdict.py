"""What an answer from outside means, in one vocabulary for all stores and for Reverb."""

from __future__ import annotations

from enum import StrEnum


class Verdict(StrEnum):
    """What an answer means."""

    DONE = "done"
    MISSING = "missing"
    KEYS = "keys"
    REFUSED = "refused"
    LATER = "later"
