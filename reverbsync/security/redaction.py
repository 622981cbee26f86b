"""Logging without secrets that stays readable in an outage.

Everything that looks like a token is removed from every line and traceback. While PostgreSQL or Redis is down, each
process logs one line a minute for it, instead of a traceback for each failure.
"""

from __future__ import annotations

import copy
import logging
import re
import threading
import time
import traceback
from dataclasses import dataclass

_SECRETS = re.compile(
    r"(?i)(bearer\s+|x-shopify-access-token['\"]?\s*[:=]\s*['\"]?|(?:token|secret|password|api_key)['\"]?\s*[:=]\s*['\"]?"
    r"|//[^/\s:@]*:(?=[^\s'\"]*@))([^\s'\",;&@]{4,})"
)
#: Tokens of Shopify, our encrypted tokens, keys of WooCommerce, and secrets and keys that we create for custom stores.
_KNOWN_TOKENS = re.compile(
    r"\b(?:shp[a-z]{2}_[0-9a-fA-F]{16,}|gAAAA[\w\-]{40,}={0,2}|[cs][ks]_[0-9a-f]{40}|rs_[0-9a-f]{40}"
    r"|whsec_[A-Za-z0-9+/]{16,}={0,2})"
)
#: The key in a webhook's address is the only proof of the caller; a state identifies a handshake in progress.
_IN_PATHS = re.compile(r"(/webhooks/(?:store|reverb|shipstation)/|/connect/(?:reverb/)?(?:go|choose)/)[^/\s'\"?]+")
_IN_QUERIES = re.compile(r"(?i)([?&](?:code|state|hmac|signed_payload(?:_jwt)?|session|key)=)[^&\s'\"]+")


def redact(text: str) -> str:
    """Return `text` with everything that looks like a secret replaced by stars."""
    if not text:
        return ""
    text = _IN_QUERIES.sub(r"\1***", _IN_PATHS.sub(r"\1***", text))
    return _KNOWN_TOKENS.sub("***", _SECRETS.sub(r"\1***", text))


class RedactingFormatter(logging.Formatter):
    """Formats one line per record, with time in UTC and without secrets in message and traceback."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the formatted line."""
        if (words := getattr(record, "instead", "")) != "":
            record = copy.copy(record)  # other handlers write the original record
            record.msg, record.args = words, None
            if record.__dict__["without_traceback"]:
                record.exc_info = record.exc_text = record.stack_info = None
        return redact(super().format(record))


def whereabouts(error: BaseException) -> str:
    """Return the type of an error and where it was raised, on one line: "KeyError in take.py:93, read.py:61".

    The message is left out: it may quote a database row with personal data.
    """
    code = getattr(error.__cause__, "pgcode", None)
    frames = traceback.extract_tb(error.__traceback__)
    ours = [frame for frame in frames if "site-packages" not in frame.filename] or list(frames)
    lines = [f"{frame.filename.rpartition('/')[2]}:{frame.lineno}" for frame in reversed(ours)]
    kind = type(error).__name__ + (f" ({code})" if code else "")
    return f"{kind} in {', '.join(lines[:6])}" if lines else kind


def broke(log: logging.Logger, error: Exception, words: str, *args: object) -> None:
    """Log that our code failed, and where; `words` and `args` describe the work, as for a logger.

    The error's message is left out: it may quote a row with personal data. Only an outage keeps its exception, by which
    Calm recognizes it.
    """
    from reverbsync.outage import is_outage  # noqa: PLC0415 -- logging is set up first

    whole = f"{words}: %s"
    log.error(whole, *args, whereabouts(error), exc_info=error if is_outage(error) else None, stacklevel=2)


# -- an outage -----------------------------------------------------------------------------------------------------

#: Seconds in which records of one kind are counted together.
A_WHILE_S = 60.0
#: Records of one origin that are written in that time; an outage gets one.
MOST = 30


@dataclass
class _Seen:
    since: float
    written: int = 0
    left_out: int = 0


class Calm(logging.Filter):
    """Lets one line a minute through for each kind of outage, and a few for any other record that repeats.

    The next line that passes says how many were left out.
    """

    def __init__(self) -> None:
        super().__init__()
        self._seen: dict[tuple[object, ...], _Seen] = {}
        self._counting = threading.Lock()

    def filter(self, record: logging.LogRecord) -> bool:
        """Return whether to write a record; an outage's record loses its traceback."""
        if record.levelno < logging.WARNING:
            return True
        kind = _outage(record)
        key = (kind,) if kind else (record.name, record.levelno, str(record.msg))
        left_out = self._admit(key, 1 if kind else MOST)
        if left_out is None:
            return False
        more = f" ({left_out} more lines of this kind were left out in the last minute.)" if left_out else ""
        words = f"{kind} does not answer: {_first_line(record)}" if kind else record.getMessage()
        record.__dict__.update(instead=words + more if kind or more else "", without_traceback=bool(kind))
        return True

    def _admit(self, key: tuple[object, ...], most: int) -> int | None:
        """Return how many records were left out before this one; None if it is left out too."""
        now = time.monotonic()
        with self._counting:
            seen = self._seen.get(key)
            if seen is None or now >= seen.since + A_WHILE_S:
                if len(self._seen) > 1_000:
                    self._seen.clear()
                self._seen[key] = _Seen(now, written=1)
                return seen.left_out if seen else 0
            if seen.written < most:
                seen.written += 1
                return 0
            seen.left_out += 1
            return None


def _outage(record: logging.LogRecord) -> str:
    """Return what is down according to a record's exception; "" if it is no outage."""
    from redis.exceptions import RedisError  # noqa: PLC0415 -- logging is set up first

    from reverbsync.outage import is_outage  # noqa: PLC0415

    error = record.exc_info[1] if record.exc_info else None
    while error is not None:
        if is_outage(error):
            return "Redis" if isinstance(error, RedisError) else "PostgreSQL"
        error = error.__cause__ or error.__context__
    return ""


def _first_line(record: logging.LogRecord) -> str:
    error = record.exc_info[1] if record.exc_info else None
    return (
        f"{type(error).__name__} in {record.name}: {str(error).strip().splitlines()[0] if str(error).strip() else ''}"
    )
