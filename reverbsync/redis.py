"""The connection to Redis, one pool a process."""

from __future__ import annotations

from functools import lru_cache

import redis
from django.conf import settings


@lru_cache(maxsize=1)
def connection() -> redis.Redis:
    """Return the client; it connects on first use and fails within a second when Redis is gone."""
    return redis.Redis.from_url(settings.REDIS_URL, socket_connect_timeout=1, socket_timeout=2, decode_responses=True)
