"""Decide what a store's answer means, for all platforms; each platform adds only how it words an error.

    DONE       the call succeeded, and the body is what the platform's API sends
    MISSING    the platform's own error says that the object does not exist
    KEYS       the platform's own error says that our keys are not accepted
    REFUSED    the platform's own error refuses this request about this object
    LATER      anything else: pages, redirects, missing routes, maintenance, firewalls, rate limits, server errors

A status alone never decides: CDNs, firewalls, maintenance modes and half-updated plug-ins answer every status with
a page of their own. After a write, LATER means that the outcome is unknown (`may_have_applied`).
"""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from typing import Any, ClassVar

from reverbsync.http.outbound import Answer
from reverbsync.ratelimit.budget import Budget
from shops.call_outcome import CallOutcome
from shops.platforms import calls
from shops.platforms.errors import Away, Malformed, Missing, StoreAuthError, StoreError, Unsupported

__all__ = ["SPEAKING", "CallOutcome", "Caller", "judge"]


#: Statuses whose JSON may be the platform's own error about a request. All others are LATER.
SPEAKING = frozenset({400, 401, 403, 404, 409, 410, 412, 422})
MOVED = frozenset({301, 302, 303, 307, 308})
BLOCKED = frozenset({401, 403, 405, 406, 418, 451})
#: Maintenance pages request ten minutes and are gone after one. A rate limit (429) is waited for in full.
MOST_RETRY_AFTER_S = 60.0


class Caller(ABC):
    """Call one store and raise the error that its answer means.

    A platform implements `send`, `own_words` and `probe`:

        class WooCommerceCaller(Caller):
            store = "WooCommerce"

            def send(self, method, path, body): ...
            def own_words(self, status, said): ...
            def probe(self): return self.send("GET", "/products?per_page=1", None)
    """

    #: First word of the sentences that sellers read.
    store: ClassVar[str]
    #: What a firewall must allow, for the error sentence about a blocked call.
    allow: ClassVar[str] = ""
    budget: Budget

    @abstractmethod
    def send(self, method: str, path: str, body: object) -> Answer:
        """Make one call and return its HTTP answer. Raise TransientStoreError if there is none."""

    @abstractmethod
    def own_words(self, status: int, said: Any) -> CallOutcome | None:
        """Return MISSING, KEYS or REFUSED if `said` (JSON) is the platform's own error that says so, else None."""

    @abstractmethod
    def probe(self) -> Answer:
        """Make the cheapest read that valid keys always allow, to confirm that keys are refused."""

    def words(self, said: Any) -> str:
        """Return the message of the platform's own error."""
        return str(said.get("message") or "")[:300] if isinstance(said, dict) else ""

    def words_of_redirect(self, location: str) -> str:
        """Return the seller's sentence for a redirect within the store's own site, or "" if its meaning is unknown."""
        return ""

    def wait_s(self, answer: Answer) -> float | None:
        """Return the wait in seconds that a rate limit requests; None to use its Retry-After."""
        return None

    # -- calls -----------------------------------------------------------------------------------------------

    def json(self, method: str, path: str, body: object = None) -> Any:
        """Return the JSON of a successful call, None if it is empty.

        Raise Missing, StoreAuthError, Unsupported, or TransientStoreError (with `may_have_applied` after a write).
        """
        return calls.json_of(self.store, self.call(method, path, body))

    def json_or_none(self, path: str) -> Any:
        """Return the JSON at `path`, None if the store says that the object does not exist.

        Raise Malformed if the answer is empty, since that says nothing about the object.
        """
        try:
            said = self.json("GET", path)
        except Missing:
            return None
        if said is None:
            raise Malformed(f"{self.store} sent an empty answer.")
        return said

    def list_at(self, path: str) -> tuple[list[Any], Answer]:
        """Return the list at `path`, and its answer. Raise Malformed if it is not a list.

        PHP sends a list with gaps as an object whose names are numbers: `{"0": …, "2": …}`.
        """
        answer = self.call("GET", path)
        said = calls.json_of(self.store, answer)
        if isinstance(said, dict) and said and all(str(name).isdecimal() for name in said):
            said = list(said.values())
        if not isinstance(said, list):
            raise Malformed(f"{self.store} sent no list where one was asked for.")
        return said, answer

    def call(self, method: str, path: str, body: object = None) -> Answer:
        """Return the answer of a successful call. Raise like `json`."""
        return self.checked(method, self.send(method, path, body))

    def checked(self, method: str, answer: Answer) -> Answer:
        """Return `answer` if it is a success. Raise like `json`."""
        outcome, said = judge(answer, self)
        if outcome == CallOutcome.DONE:
            return answer
        raise self._error(method, answer, outcome, said)

    def _error(self, method: str, answer: Answer, outcome: CallOutcome, said: Any) -> StoreError:
        words = f"{self.store}: {self.words(said)}" if self.words(said) else self._explain(answer)
        if outcome == CallOutcome.MISSING:
            return Missing(words)
        if outcome == CallOutcome.REFUSED:
            return Unsupported(words)
        if outcome == CallOutcome.KEYS:
            return self._about_keys(words)
        if answer.status == 429:
            return calls.slow_down(self.store, self.budget, answer, seconds=self.wait_s(answer))
        wait_s = calls.retry_after_s(answer)
        retry_after = None if wait_s is None else min(wait_s, MOST_RETRY_AFTER_S)
        return Away(words, retry_after=retry_after, may_have_applied=method != "GET")

    def _explain(self, answer: Answer) -> str:
        """Return the seller's sentence for an answer without the platform's own error message."""
        if answer.status in MOVED:
            if words := self.words_of_redirect(answer.headers.get("Location", "")):
                return words
            host = re.match(r"(?:https?:)?//([\w.-]+)", answer.headers.get("Location", ""))
            leads = f"to {host[1]}" if host else "elsewhere"
            return f"{self.store}'s address leads {leads}. If your store has moved there, connect it with that address."
        if answer.status in BLOCKED:
            allow = f" Allow {self.allow}." if self.allow else ""
            return f"A firewall or security plug-in blocked our call to {self.store} ({answer.status}).{allow}"
        if 200 <= answer.status < 300:
            return f"{self.store} sent a page instead of an answer ({answer.status})."
        return f"{self.store} answered {answer.status}."

    def _about_keys(self, words: str) -> StoreError:
        """Return StoreAuthError only if the probe is refused too, since one bad answer proves nothing.

        Keys that pass the probe may lack a permission, or work again: both are retried, with the store's message.
        """
        outcome, _ = judge(self.probe(), self)
        return StoreAuthError(words) if outcome == CallOutcome.KEYS else Away(words)


def judge(answer: Answer, caller: Caller) -> tuple[CallOutcome, Any]:
    """Return an answer's outcome and its JSON (None if it has none)."""
    said, is_json = _json(answer)
    if 200 <= answer.status < 300:
        return (CallOutcome.DONE if is_json else CallOutcome.LATER), said
    if answer.status not in SPEAKING or not is_json or said is None:
        return CallOutcome.LATER, said
    return caller.own_words(answer.status, said) or CallOutcome.LATER, said


def _json(answer: Answer) -> tuple[Any, bool]:
    try:
        return answer.json(), True
    except ValueError:
        return None, False
