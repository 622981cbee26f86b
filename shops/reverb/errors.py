"""What can go wrong with a call to Reverb. The family decides what the queue does next.

    ReverbError
    ├── Passing        try again later by itself
    │   ├── Paced      our own pace does not allow the call now; nothing was sent
    │   ├── SlowDown   429: the whole account waits
    │   └── NoAnswer   nothing whole came back; a write may or may not have been applied
    ├── Lasting        the same call would be refused again
    │   ├── NotFound   404
    │   └── Invalid    400, 406, 412, 422: Reverb says which fields
    └── NeedsSeller    401, 403: the token, its scopes, billing or the shop on Reverb

They carry Reverb's words and never a header, a token or a whole body.
"""

from __future__ import annotations

from typing import Any

from reverbsync.http import Answer
from reverbsync.logs import redact

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
    ) -> None:
        """Keep what Reverb said; `retry_after` is in seconds."""
        super().__init__(message)
        self.message = message
        self.status = status
        self.field_errors = field_errors or {}
        self.retry_after = retry_after


class Passing(ReverbError):
    """Will pass by itself."""


class Paced(Passing):
    """The pace does not allow the call yet."""


class SlowDown(Passing):
    """Reverb asks this account to wait."""


class NoAnswer(Passing):
    """No whole answer came; `maybe_done` tells whether the call may have been applied all the same."""

    def __init__(self, message: str, *, maybe_done: bool) -> None:
        """Keep whether it may have been applied."""
        super().__init__(message)
        self.maybe_done = maybe_done


class Lasting(ReverbError):
    """Would fail the same way again."""


class NotFound(Lasting):
    """Reverb has nothing at that address."""


class Invalid(Lasting):
    """Reverb refuses what was sent."""


class NeedsSeller(ReverbError):
    """Only the seller can mend it, on Reverb."""


def from_answer(answer: Answer) -> ReverbError:
    """Return the error that an answer outside 2xx stands for (docs: error-handling; statuses seen in 2026)."""
    message, field_errors = _words(answer)
    more: dict[str, Any] = {"status": answer.status, "field_errors": field_errors}
    if answer.status == 429:
        return SlowDown(message, retry_after=retry_after(answer), **more)
    if answer.status >= 500:
        return Passing(message, retry_after=retry_after(answer), **more)
    if answer.status in (401, 403):
        return NeedsSeller(message, **more)
    if answer.status == 404:
        return NotFound(message, **more)
    if answer.status in (400, 406, 412, 422):
        return Invalid(message, **more)
    return Lasting(message, **more)


def retry_after(answer: Answer) -> float | None:
    """Return the seconds of a Retry-After header, None where there is none that counts seconds."""
    value = answer.headers.get("Retry-After", "")
    return float(value) if value.strip().isdigit() else None


def _words(answer: Answer) -> tuple[str, FieldErrors]:
    try:
        body = answer.json()
    except ValueError:  # an error page instead of JSON, seen when Reverb is down
        body = None
    if not isinstance(body, dict):
        return f"Reverb answered {answer.status}.", {}
    message = body.get("message") or body.get("error") or f"Reverb answered {answer.status}."
    return _short(message), read_field_errors(body.get("errors"))


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
        found[""] = [_short(errors)]
    return {field: words for field, words in found.items() if words}


def _texts(words: object) -> list[str]:
    return [_short(word) for word in (words if isinstance(words, list) else [words]) if word]


def _short(words: object) -> str:
    return redact(str(words))[:MAX_WORDS]
