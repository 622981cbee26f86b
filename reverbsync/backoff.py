"""Exponential backoff: one formula for all retries."""

from __future__ import annotations

#: More doublings change nothing, and a float overflows at 1,024.
MOST_DOUBLINGS = 60


def doubled_s(first_s: float, times: int, *, most_s: float) -> float:
    """Return `first_s` doubled `times` times, at most `most_s`; a negative `times` counts as 0."""
    return min(most_s, first_s * 2.0 ** min(max(0, times), MOST_DOUBLINGS))
