"""Errors of calls to Reverb. The class decides what the queue does next.

    ReverbError
    ├── TransientError        retry later; `may_have_applied`: a write may have been applied nevertheless
    │   ├── RateLimited  our own rate limit forbids the call now; nothing was sent
    │   ├── SlowDown     429: the whole account waits
    │   └── NoAnswer     no answer, or none of Reverb's API
    ├── PermanentError the same call would be refused again
    │   ├── NotFound   Reverb says that the object does not exist
    │   └── Invalid    Reverb refuses this request, and says which fields
    └── NeedsSeller    Reverb refuses the token or the permission: scopes, billing, the shop on Reverb

`answers.py` chooses the class. Errors carry Reverb's message and never a header, a token or a whole body.
"""

from __future__ import annotations

from typing import Any

from reverbsync.security.redaction import redact
from shops.schema_text import storable_text

FieldErrors = dict[str, list[str]]

MAX_WORDS = 500


class ReverbError(Exception):
    """A call to Reverb that failed."""

    def __init__(
        self,
        message: str,
        *,
        status: int | None = None,
        field_errors: FieldErrors | None = None,
        retry_after: float | None = None,
        may_have_applied: bool = False,
        said: bool = False,
    ) -> None:
        """Save the details. `retry_after` is in seconds; `said`: the message is Reverb's own, not ours."""
        super().__init__(message)
        self.message = message
        self.status = status
        self.field_errors = field_errors or {}
        self.retry_after = retry_after
        self.may_have_applied = may_have_applied
        self.said = said


class TransientError(ReverbError):
    """A retry may succeed."""


class RateLimited(TransientError):
    """Our rate limit forbids the call for now."""


class SlowDown(TransientError):
    """Reverb answered 429: this account must wait."""


class NoAnswer(TransientError):
    """Reverb's API sent no answer; `may_have_applied` says whether the call may have been applied nevertheless."""


class PermanentError(ReverbError):
    """A retry would fail the same way."""


class NotFound(PermanentError):
    """Reverb has no such object."""


class Invalid(PermanentError):
    """Reverb refuses the request's content."""


class NeedsSeller(ReverbError):
    """Only the seller can fix it, on Reverb."""


def read_field_errors(errors: object) -> FieldErrors:
    """Return field → messages from any of the shapes seen: a map, a list of maps, a list of texts, nothing.

    Messages without a field are under "".
    """
    found: FieldErrors = {}
    if isinstance(errors, dict):
        for field, words in errors.items():
            found.setdefault(str(field), []).extend(_texts(words))
    elif isinstance(errors, list):
        for item in errors:
            for field, words in read_field_errors(item).items():
                found.setdefault(field, []).extend(words)
    elif errors:
        found[""] = [short(errors)]
    return {field: words for field, words in found.items() if words}


def _texts(words: Any) -> list[str]:
    return [short(word) for word in (words if isinstance(words, list) else [words]) if word]


def short(words: object) -> str:
    """Return Reverb's message, truncated, without secrets and without characters that the database rejects."""
    return redact(storable_text(str(words)))[:MAX_WORDS]
