"""What a store's answer means. One place decides it for all platforms; each adds only how it words an error.

    DONE       the call succeeded, and the body is what the platform's API sends
    MISSING    this object does not exist: the platform's own error says so
    KEYS       our keys are not accepted: the platform's own error says so
    REFUSED    this request is refused: the platform's own error about this object
    LATER      anything else: pages, redirects, missing routes, maintenance, firewalls, rate limits, server errors

A status alone is never a verdict: CDNs, firewalls, maintenance modes and half-updated plug-ins answer every status
there is with a page of their own. After a write, LATER means that the outcome is unknown (`maybe_done`).
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, ClassVar

from reverbsync.http import Answer
from reverbsync.pace import Budget
from shops.platforms import calls
from shops.platforms.values import Missing, StoreError, StorePassing, StoreRefused, Unsupported
from shops.verdict import Verdict

__all__ = ["SPEAKING", "Caller", "Verdict", "judge"]


#: Statuses whose JSON may be the platform's own error about a request. All others are LATER, whatever they carry.
SPEAKING = frozenset({400, 401, 403, 404, 409, 410, 412, 422})


class Caller(ABC):
    """Calls one store and raises what its answer means.

    A platform fills in `send`, `own_words` and `probe`:

        class WooCommerceCaller(Caller):
            store = "WooCommerce"

            def send(self, method, path, body): ...
            def own_words(self, status, said): ...
            def probe(self): return self.send("GET", "/products?per_page=1", None)
    """

    #: Begins the sentences that sellers read.
    store: ClassVar[str]
    budget: Budget

    @abstractmethod
    def send(self, method: str, path: str, body: object) -> Answer:
        """Make one call and return whatever HTTP answered. Raises StorePassing when nothing did."""

    @abstractmethod
    def own_words(self, status: int, said: Any) -> Verdict | None:
        """Return MISSING, KEYS or REFUSED where `said` (JSON) is the platform's own error that says so, else None."""

    @abstractmethod
    def probe(self) -> Answer:
        """Make the cheapest read that valid keys may always make. Confirms that keys are refused."""

    def words(self, said: Any) -> str:
        """Return the sentence of the platform's own error."""
        return str(said.get("message") or "")[:300] if isinstance(said, dict) else ""

    def wait_s(self, answer: Answer) -> float | None:
        """Return the seconds that a rate limit asks for; None: what its Retry-After says."""
        return None

    # -- calls -----------------------------------------------------------------------------------------------

    def json(self, method: str, path: str, body: object = None) -> Any:
        """Return the JSON of a call that succeeded, None where it is empty.

        Raises Missing, StoreRefused, Unsupported, or StorePassing (with `maybe_done` after a write).
        """
        return calls.json_of(self.store, self.call(method, path, body))

    def json_or_none(self, path: str) -> Any:
        """Return the JSON at `path`, None where the store says that the object does not exist."""
        try:
            return self.json("GET", path)
        except Missing:
            return None

    def call(self, method: str, path: str, body: object = None) -> Answer:
        """Return the answer of a call that succeeded. Raises like `json`."""
        answer = self.send(method, path, body)
        verdict, said = judge(answer, self)
        if verdict == Verdict.DONE:
            return answer
        raise self._error(method, answer, verdict, said)

    def _error(self, method: str, answer: Answer, verdict: Verdict, said: Any) -> StoreError:
        words = f"{self.store}: {self.words(said)}" if self.words(said) else f"{self.store} answered {answer.status}."
        if verdict == Verdict.MISSING:
            return Missing(words)
        if verdict == Verdict.REFUSED:
            return Unsupported(words)
        if verdict == Verdict.KEYS:
            return self._about_keys(words)
        if answer.status == 429:
            return calls.slow_down(self.store, self.budget, answer, seconds=self.wait_s(answer))
        retry_after = calls.retry_after_s(answer)
        return StorePassing(words, retry_after=retry_after, maybe_done=method != "GET")

    def _about_keys(self, words: str) -> StoreError:
        """Ask once more before keys are called refused: one bad answer is not a verdict.

        Keys that work for the probe may lack a permission, or work again: either is retried, with the store's words.
        """
        verdict, _ = judge(self.probe(), self)
        return StoreRefused(words) if verdict == Verdict.KEYS else StorePassing(words)


def judge(answer: Answer, caller: Caller) -> tuple[Verdict, Any]:
    """Return what an answer means, and its JSON (None where it has none)."""
    said, is_json = _json(answer)
    if 200 <= answer.status < 300:
        return (Verdict.DONE if is_json else Verdict.LATER), said
    if answer.status not in SPEAKING or not is_json or said is None:
        return Verdict.LATER, said
    return caller.own_words(answer.status, said) or Verdict.LATER, said


def _json(answer: Answer) -> tuple[Any, bool]:
    try:
        return answer.json(), True
    except ValueError:
        return None, False
