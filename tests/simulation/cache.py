"""Django cache in memory whose entries expire by the simulated clock.

Redis would expire them by the machine's time, so the same seed would run differently on an idle and on a busy machine.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.core.cache.backends.base import DEFAULT_TIMEOUT
from django.core.cache.backends.locmem import LocMemCache

from reverbsync import clock


class Cache(LocMemCache):
    """The backend that a run sets in CACHES."""

    _expire_info: dict[str, float | None]  # django-stubs leave it out

    def get_backend_timeout(self, timeout: Any = DEFAULT_TIMEOUT) -> float | None:
        """Return the time at which a value expires, in seconds since 1970; None if it never does."""
        seconds = self.default_timeout if timeout is DEFAULT_TIMEOUT else timeout
        return None if seconds is None else (clock.now() + timedelta(seconds=seconds)).timestamp()

    def _has_expired(self, key: str) -> bool:
        expires_at = self._expire_info.get(key, -1)
        return expires_at is not None and expires_at <= clock.now().timestamp()
