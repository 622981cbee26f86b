"""Django's cache in memory, with ages by the simulated clock: what is kept for a minute is kept for one of the story's.

Redis would let it expire by the machine's time, so that the same seed went one way on an idle machine and another on a
busy one.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.core.cache.backends.base import DEFAULT_TIMEOUT
from django.core.cache.backends.locmem import LocMemCache

from reverbsync import clock


class Cache(LocMemCache):
    """The backend that a run names in CACHES."""

    def get_backend_timeout(self, timeout: Any = DEFAULT_TIMEOUT) -> float | None:
        """Return the moment at which a value expires, in seconds since 1970; None where it is kept for ever."""
        seconds = self.default_timeout if timeout is DEFAULT_TIMEOUT else timeout
        return None if seconds is None else (clock.now() + timedelta(seconds=seconds)).timestamp()

    def _has_expired(self, key: str) -> bool:
        expires_at = self._expire_info.get(key, -1)
        return expires_at is not None and expires_at <= clock.now().timestamp()
