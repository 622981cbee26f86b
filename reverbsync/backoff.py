"""Delays that double: one formula for all retries, for any number of them."""

from __future__ import annotations

#: More doublings change nothing, and a float overflows at 1,024.
MOST_DOUBLINGS = 60


def doubled_s(first_s: float, times: int, *, most_s: float) -> float:
    """Return `first_s` doubled so many times (none where `times` is negative), and at most `most_s`."""
    return min(most_s, first_s * 2.0 ** min(max(0, times), MOST_DOUBLINGS))
