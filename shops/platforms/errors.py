"""Errors that all platforms share."""

from __future__ import annotations

from collections.abc import Sequence

from reverbsync.security.redaction import redact
from shops.events import Event
from shops.snapshots import StoreProduct


class BadSignature(Exception):
    """A delivery without a valid signature of the store."""


class Unreadable(Exception):
    """A signed delivery whose body does not match its topic.

    `events` are those that could be read nevertheless: they are processed, and the delivery is put aside.
    """

    def __init__(self, words: str = "", *, events: Sequence[Event] = ()) -> None:
        """Save the sentence, which contains no value of the body, and the events."""
        super().__init__(words)
        self.events = tuple(events)


class StoreError(Exception):
    """A call to a store that failed; `retry_after` is in seconds, if the store gave one."""

    def __init__(self, words: str, *, retry_after: float | None = None, may_have_applied: bool = False) -> None:
        """Save the message without any token in it. `may_have_applied`: a write may have been applied."""
        super().__init__(redact(words))
        self.retry_after = retry_after
        self.may_have_applied = may_have_applied


class TransientStoreError(StoreError):
    """A retry may succeed."""


class Away(TransientStoreError):
    """The store, or a proxy in front of it, does not answer: time-outs, server errors, pages, redirects."""


class Busy(TransientStoreError):
    """The store answers, but another change of ours holds the product for a moment."""


class Malformed(TransientStoreError):
    """The store answered, but this object cannot be read. Other objects may be readable.

    `readable` are the units of the product that could be read, if only some could not.
    """

    readable: tuple[StoreProduct, ...] = ()


class TooLarge(TransientStoreError):
    """The answer exceeds the size limit (reverbsync.http.answer_body.MAX_ANSWER_BYTES)."""


class StoreAuthError(StoreError):
    """The store does not accept our keys; the seller must reconnect it."""


class Missing(StoreError):
    """The store's own error says that the object no longer exists; never a missing route or a page."""


class CursorLost(StoreError):
    """The crawl's cursor is no longer valid, for example because the platform deleted the list behind it."""


class Unsupported(StoreError):
    """The platform, or this store, does not support the operation."""


class Moved(StoreError):
    """The stock is no longer what the adjustment started from; nothing was changed."""
