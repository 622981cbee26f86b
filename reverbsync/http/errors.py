"""Errors of outgoing calls."""

from __future__ import annotations


class NotAllowed(Exception):
    """The address may not be called: it is private, redirected, or of another host."""


class Unreachable(Exception):
    """No complete response arrived. `may_have_applied` is False only if the call certainly did not reach the server."""

    def __init__(self, words: str, *, may_have_applied: bool) -> None:
        """Store the details; `words` never contain an address with secrets."""
        super().__init__(words)
        self.may_have_applied = may_have_applied


class TooLarge(Unreachable):
    """The response is larger than MAX_ANSWER_BYTES and was not read completely."""


class RateLimited(Exception):
    """The rate limit does not allow the call now; retry in `retry_after` seconds."""

    def __init__(self, retry_after: float) -> None:
        """Store the seconds to wait."""
        super().__init__(f"The rate limit allows the next call in {retry_after:.1f} s")
        self.retry_after = retry_after
