"""Make one call to Reverb for an account: headers, links, rate limit, circuit breaker and errors.

Facts: Reverb's developer pages (headers, HAL links) and behaviour seen live in 2026.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any, Self
from urllib.parse import urlencode

from django.conf import settings
from pydantic import SecretStr

from reverbsync import clock
from reverbsync.http import errors, outbound
from reverbsync.http.outbound import Answer
from reverbsync.ratelimit import limiter
from reverbsync.ratelimit.budget import RateLimitUnavailable
from shops import breaker
from shops.call_outcome import CallOutcome
from shops.models import ReverbConnection
from shops.reverb import answers, limits, links
from shops.reverb.errors import NoAnswer, RateLimited, SlowDown, TransientError

#: A Date header that differs more than this from our clock is not from Reverb.
MOST_AHEAD = timedelta(hours=1)
#: A read this soon after `before_call` last allowed a call needs no new check.
FRESH_S = 5.0
NOT_MODIFIED = 304
WORDS_FOR_JSON = "application/hal+json"


@dataclass(frozen=True)
class Response:
    """The content of a successful answer."""

    status: int
    headers: Mapping[str, str]
    said: dict[str, Any]


class ReverbCaller:
    """Calls Reverb as one seller."""

    def __init__(
        self, token: SecretStr, budget: str, *, root: str = "", before_call: Callable[[], None] | None = None
    ) -> None:
        """`budget` names the account's budget (ReverbConnection.budget), `root` is the account's API URL.

        `before_call` runs right before each write, after the rate limiter has admitted it, and may raise to forbid it.
        It runs before a read only if its last run is some seconds ago.
        """
        self._token = token
        self._root = root or settings.REVERB_API_URL
        self._before_call = before_call
        #: How far Reverb's clock is ahead of ours, by the last answer.
        self._ahead = timedelta(0)
        self._checked_at = clock.monotonic()
        self._budget = budget
        #: Forbids writes while listings of another account are still linked.
        self._clearing = False

    @classmethod
    def of(cls, connection: ReverbConnection, *, before_call: Callable[[], None] | None = None) -> Self:
        """Return the client of a shop's Reverb connection."""
        made = cls(connection.token, connection.budget, root=connection.api_url, before_call=before_call)
        made._clearing = connection.clearing_since is not None
        return made

    def get(self, path: str, query: Mapping[str, str | int] | None = None) -> dict[str, Any]:
        """Return the JSON object at `path` (from the API's root, or a link). Raise ReverbError."""
        return self._call("GET", self._address(path) + (f"?{urlencode(query)}" if query else ""))

    def get_if_new(self, path: str, etag: str) -> tuple[dict[str, Any], str] | None:
        """Return the JSON at `path` and its ETag, None if it still has the ETag `etag`. Raise ReverbError."""
        received = self._request("GET", self._address(path), etag=etag)
        return None if received.status == NOT_MODIFIED else (received.said, received.headers.get("ETag", ""))

    def their_now(self) -> datetime:
        """Return the current time by Reverb's clock, according to its last answer (whole seconds)."""
        return clock.now() + self._ahead

    def in_their_time(self, moment: datetime | None) -> datetime | None:
        """Convert a moment of our clock to Reverb's."""
        return moment + self._ahead if moment else None

    def must_wait(self) -> bool:
        """Return whether the next write would have to wait longer than a call waits.

        The reasons are the rate limit, an open circuit breaker, or listings of another account that are still linked.
        """
        if self._clearing or breaker.keeps_back(limits.account(self._budget)):
            return True
        return limiter.wait_s(limits.budgets(self._budget, "writes")) > outbound.MAX_RATE_LIMIT_WAIT_SECONDS

    def _call(self, method: str, url: str, body: object = None) -> dict[str, Any]:
        return self._request(method, url, body).said

    def _request(
        self, method: str, url: str, body: object = None, *, etag: str = "", goes_out: Callable[[], None] | None = None
    ) -> Response:
        """Call Reverb and return a successful answer. Raise ReverbError (shops/reverb/answers.py)."""
        answer = self._answer(method, url, body, etag=etag, goes_out=goes_out)
        if etag and answer.status == NOT_MODIFIED:
            return Response(answer.status, answer.headers, {})
        outcome, said = answers.judge(method, answer)
        if outcome == CallOutcome.DONE:
            return Response(answer.status, answer.headers, said)
        error = answers.error_of(method, answer, outcome, said)
        if isinstance(error, SlowDown):
            self._slow_down(error)
        raise error

    def _answer(self, method: str, url: str, body: object, *, etag: str, goes_out: Callable[[], None] | None) -> Answer:
        """Call Reverb and return its answer, successful or not."""

        def checked() -> None:
            self._ask()
            if goes_out is not None:
                goes_out()

        budgets = limits.budgets(self._budget, "reads" if method == "GET" else "writes")
        before = None if method == "GET" and clock.monotonic() < self._checked_at + FRESH_S else checked
        known = {"If-None-Match": etag} if etag.isascii() and etag.isprintable() and etag else {}
        headers = {**self._headers(), **known}
        try:
            answer = breaker.call(
                limits.account(self._budget), method, url, budgets=budgets, headers=headers, body=body, before=before
            )
        except breaker.Open as away:
            raise RateLimited(f"Reverb {away}", retry_after=away.retry_after) from None
        except errors.RateLimited as limited:
            raise RateLimited(str(limited), retry_after=limited.retry_after) from None
        except errors.NotAllowed as error:
            raise TransientError(f"Reverb: {error}.") from None
        except errors.Unreachable as error:
            raise NoAnswer(f"Reverb: {error}.", may_have_applied=error.may_have_applied and method != "GET") from None
        self._learn_clock(answer)
        return answer

    def _learn_clock(self, answer: Answer) -> None:
        """Save how far Reverb's clock is ahead. Cached answers and other servers' pages are ignored."""
        date = answer.headers.get("Date")
        if not date:
            return
        with suppress(ValueError):
            said = parsedate_to_datetime(date)
            ahead = (said if said.tzinfo else said.replace(tzinfo=UTC)) - clock.now()
            if abs(ahead) <= MOST_AHEAD and not answer.headers.get("Age", "0").strip("0 "):
                self._ahead = ahead

    def _ask(self) -> None:
        if self._before_call is not None:
            self._before_call()
            self._checked_at = clock.monotonic()

    def _slow_down(self, error: SlowDown) -> None:
        try:
            error.retry_after = limits.slow_down(self._budget, error.retry_after)
        except RateLimitUnavailable as lost:
            raise TransientError(str(lost), retry_after=error.retry_after) from None

    def _headers(self) -> dict[str, str]:
        return {
            "Authorization": f"Bearer {self._token.get_secret_value()}",
            "Accept": WORDS_FOR_JSON,
            "Content-Type": WORDS_FOR_JSON,
            "Accept-Version": "3.0",
        }

    def _address(self, link: str) -> str:
        """Return the URL for a path or link, always on the configured host, so that no other host gets the token."""
        return links.address(self._root, link)
