"""What can go wrong with a call to Reverb. The family decides what the queue does next.

    ReverbError
    ├── TransientError        try again later by itself; `may_have_applied`: a write may have been applied all the same
    │   ├── RateLimited  our own rate limit does not allow the call now; nothing was sent
    │   ├── SlowDown     429: the whole account waits
    │   └── NoAnswer     nothing came back, or nothing that Reverb's API says
    ├── PermanentError the same call would be refused again
    │   ├── NotFound   Reverb says that the object does not exist
    │   └── Invalid    Reverb refuses this request, and says which fields
    └── NeedsSeller    Reverb refuses the token, or does not let it do this: scopes, billing, the shop on Reverb

`answers.py` decides which one an answer is. They carry Reverb's words and never a header, a token or a whole body.
"""

from __future__ import annotations

from typing import Any

from reverbsync.security.redaction import redact
from shops.schemas import storable_text

FieldErrors = dict[str, list[str]]

MAX_WORDS = 500


class ReverbError(Exception):
    """A call to Reverb that did not succeed."""

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
        """Keep what is known. `retry_after` is in seconds; `said`: the message is Reverb's own, not ours."""
        super().__init__(message)
        self.message = message
        self.status = status
        self.field_errors = field_errors or {}
        self.retry_after = retry_after
        self.may_have_applied = may_have_applied
        self.said = said


class TransientError(ReverbError):
    """Will pass by itself."""


class RateLimited(TransientError):
    """Our rate limit does not allow the call yet."""


class SlowDown(TransientError):
    """Reverb asks this account to wait."""


class NoAnswer(TransientError):
    """No answer of Reverb's API came; `may_have_applied` says whether the call may have been applied all the same."""


class PermanentError(ReverbError):
    """Would fail the same way again."""


class NotFound(PermanentError):
    """Reverb has no such object."""


class Invalid(PermanentError):
    """Reverb refuses what was sent."""


class NeedsSeller(ReverbError):
    """Only the seller can fix it, on Reverb."""


def read_field_errors(errors: object) -> FieldErrors:
    """Return field → messages from any of the shapes seen: a map, a list of maps, a list of texts, nothing.

    Messages that name no field stand under "".
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
    """Return words of Reverb's, cut, and without anything like a secret or what the database cannot hold."""
    return redact(storable_text(str(words)))[:MAX_WORDS]
