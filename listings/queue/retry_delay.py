"""How long a job waits after a failure, and at least between two attempts."""

from __future__ import annotations

import random
from datetime import timedelta

from reverbsync.backoff import doubled_s

#: The shortest time between two attempts at a product, unless its stock went to zero. A burst of changes is one
#: attempt.
PAUSE = timedelta(seconds=2)
#: After so many failures in a row (about seven hours), only the seller retries an edit. Stock is retried for ever.
MAX_ATTEMPTS = 40
#: The same for a line of a mass sync (about twenty minutes). Its page shows what failed, and the seller retries it.
MASS_ATTEMPTS = 10
FIRST_DELAY_S = 2.0
LONGEST_DELAY_S = 900.0


def delay_s(attempt: int, *, at_least: float | None = None, dice: float | None = None) -> float:
    """Return the seconds to wait after the given attempt (from 1) failed for a transient reason.

    Doubles from FIRST_DELAY_S to LONGEST_DELAY_S, less up to a quarter by `dice` (0..1) so that many do not come back
    at once; never less than `at_least` seconds, e.g. the API's Retry-After.
    """
    full = doubled_s(FIRST_DELAY_S, attempt - 1, most_s=LONGEST_DELAY_S)
    drawn = random.random() if dice is None else dice  # noqa: S311 -- jitter, not a secret
    return max(full * (1 - 0.25 * drawn), at_least or 0.0)
