"""The connection to Redis, one pool a process, and scripts that are asked very often."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import redis
from django.conf import settings
from redis.exceptions import NoScriptError


@lru_cache(maxsize=1)
def connection() -> redis.Redis:
    """Return the client; it connects on first use and fails within a second when Redis is gone."""
    return redis.Redis.from_url(settings.REDIS_URL, socket_connect_timeout=1, socket_timeout=2, decode_responses=True)


class Script:
    """A script that Redis runs as one, asked for on the client's lines without its ceremony.

    The pace is asked before each call: the client's own way costs more than the rest of a call (docs/performance.md).
    """

    def __init__(self, text: str) -> None:
        """`text` is the script, in Lua."""
        self._text = text
        self._name = hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest()

    def __call__(self, *, keys: Sequence[str], args: Sequence[str | float]) -> Any:
        """Run it and return its answer. Raises redis.RedisError; it is not repeated by itself."""
        pool = connection().connection_pool
        line = pool.get_connection()
        try:
            try:
                return self._ask(line, "EVALSHA", self._name, keys, args)
            except NoScriptError:  # Redis was emptied or began anew
                return self._ask(line, "EVAL", self._text, keys, args)
        finally:
            pool.release(line)

    def _ask(self, line: Any, command: str, script: str, keys: Sequence[str], args: Sequence[str | float]) -> Any:
        words = [str(word).encode() for word in (command, script, len(keys), *keys, *args)]
        packed = b"".join([b"*%d\r\n" % len(words), *(b"$%d\r\n%s\r\n" % (len(word), word) for word in words)])
        line.send_packed_command([packed])
        return line.read_response()
