"""Logging that cannot show a secret: what looks like a token is taken out of every line and traceback."""

from __future__ import annotations

import logging
import re
import traceback

_SECRETS = re.compile(
    r"(?i)(bearer\s+|x-shopify-access-token['\"]?\s*[:=]\s*['\"]?|(?:token|secret|password|api_key)['\"]?\s*[:=]\s*['\"]?"
    r"|//[^/\s:@]*:(?=[^\s'\"]*@))([^\s'\",;&@]{4,})"
)
_KNOWN_TOKENS = re.compile(r"\b(shp[a-z]{2}_[0-9a-fA-F]{16,}|gAAAA[\w\-]{40,}={0,2})")


def redact(text: str) -> str:
    """Return `text` with everything that looks like a secret replaced by stars."""
    return _KNOWN_TOKENS.sub("***", _SECRETS.sub(r"\1***", text))


class RedactingFormatter(logging.Formatter):
    """One line a record, time in UTC, secrets taken out of message and traceback alike."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the finished line."""
        return redact(super().format(record))


def whereabouts(error: BaseException) -> str:
    """Return what kind of error it is and where it was raised, on one line: "KeyError in take.py:93, hear.py:61".

    Without its message, which may hold a row of the database with people's data.
    """
    code = getattr(error.__cause__, "pgcode", None)
    frames = traceback.extract_tb(error.__traceback__)
    ours = [frame for frame in frames if "site-packages" not in frame.filename] or list(frames)
    places = [f"{frame.filename.rpartition('/')[2]}:{frame.lineno}" for frame in reversed(ours)]
    kind = type(error).__name__ + (f" ({code})" if code else "")
    return f"{kind} in {', '.join(places[:6])}" if places else kind
