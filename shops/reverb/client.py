"""Call Reverb for one account: headers, links, pages, rate limit and errors. Decides nothing.

Facts: Reverb's developer pages (headers, HAL links, `my/listings`, `state/end`) and behaviour seen live in 2026.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import quote, urlencode

from django.conf import settings
from pydantic import SecretStr

from reverbsync import clock
from reverbsync.http import errors, outbound
from reverbsync.http.outbound import Answer
from reverbsync.ratelimit import limiter
from shops import breaker
from shops.models import ReverbConnection
from shops.reverb import answers, limits, links, orders, paging, read
from shops.reverb.errors import (
    Invalid,
    NoAnswer,
    NotFound,
    PermanentError,
    RateLimited,
    SlowDown,
    TransientError,
    read_field_errors,
    short,
)
from shops.reverb.paging import PAGE
from shops.reverb.read import Rows
from shops.snapshots import PHOTOS_UNKNOWN, ReverbListing, ReverbOrder
from shops.verdict import Verdict

#: A Date header that differs more than this from our clock is not from Reverb.
MOST_AHEAD = timedelta(hours=1)
#: A read this soon after `before_call` last allowed a call needs no new check.
FRESH_S = 5.0
NOT_MODIFIED = 304
#: The seller's sentence for a sale that is left out of a list.
NOT_SHOWN = "Reverb's list of sales fails at this sale."
WORDS_FOR_JSON = "application/hal+json"

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class _Response:
    """The content of a successful answer."""

    status: int
    headers: Mapping[str, str]
    said: dict[str, Any]


class ReverbClient:
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
    def of(cls, connection: ReverbConnection, *, before_call: Callable[[], None] | None = None) -> ReverbClient:
        """Return the client of a shop's Reverb connection."""
        made = cls(connection.token, connection.budget, root=connection.api_url, before_call=before_call)
        made._clearing = connection.clearing_since is not None
        return made

    # -- reading ---------------------------------------------------------------------------------------------

    def get(self, path: str, query: Mapping[str, str | int] | None = None) -> dict[str, Any]:
        """Return the JSON object at `path` (from the API's root, or a link). Raise ReverbError."""
        return self._call("GET", self._address(path) + (f"?{urlencode(query)}" if query else ""))

    def get_if_new(self, path: str, etag: str) -> tuple[dict[str, Any], str] | None:
        """Return the JSON at `path` and its ETag, None if it still has the ETag `etag`. Raise ReverbError."""
        received = self._request("GET", self._address(path), etag=etag)
        return None if received.status == NOT_MODIFIED else (received.said, received.headers.get("ETag", ""))

    def listing(self, listing_id: str) -> ReverbListing:
        """Return a listing by its numeric id, always current. Raise NotFound and other ReverbErrors."""
        found = read.listing(self.get(f"/listings/{quote(listing_id, safe='')}"))
        if found.id != listing_id:
            raise TransientError(f"Reverb answered with listing {found.id} instead of {listing_id}.")
        return found

    def listings_with_sku(self, sku: str, *, near: bool = False) -> list[ReverbListing]:
        """Return the shop's listings in every state whose SKU is exactly `sku`. Raise ReverbError.

        `near`: also those whose SKU differs only in case, blanks or Unicode form, since Reverb may store it so. The
        search may return near matches, so each row's own SKU is compared. A row may be stale: read a listing by its id
        before trusting more than the id. Raise TransientError if a row that may match cannot be read.
        """
        ask = self._asking("/my/listings", {"sku": sku, "state": "all"}, read.page)
        found: list[ReverbListing] = []
        try:
            for page in paging.pages(ask, "listings with this SKU"):
                rows = (row for row in page.rows if read.may_have_sku(row, sku, near=near))
                found += [one for one in map(read.listing, rows) if read.has_sku(one, sku, near=near)]
        except paging.Short:
            if not found:  # an empty result would create the listing again
                raise
        return found

    def listings_page(self, number: int) -> tuple[list[ReverbListing], int]:
        """Return a page of the shop's listings in every state, and the number of pages as far as known.

        The list lags by seconds.
        """
        page = self._listings_page(number, "all")
        known = number + 1 if paging.goes_on(page, number * PAGE) else number
        return read.readable(page.rows), max(known, -(-page.total // PAGE))

    def index_page(self, number: int, state: str = "all") -> tuple[list[ReverbListing], int, bool]:
        """Return a page of the shop's listings, the total number, and whether another page follows.

        The list lags by seconds. A page shows one photo of each listing, so the photo count is unknown.
        """
        page = self._listings_page(number, state)
        found = [replace(row, photo_count=PHOTOS_UNKNOWN) for row in read.readable(page.rows)]
        return found, page.total, paging.goes_on(page, number * PAGE)

    def _listings_page(self, number: int, state: str) -> Rows:
        def ask(page: int, size: int) -> Rows:
            return read.page(self.get("/my/listings", {"state": state, "page": page, "per_page": size}))

        return paging.Around(ask).page(number)

    def count(self) -> int:
        """Return how many listings the shop has, in every state. The number lags by seconds."""
        return read.page(self.get("/my/listings", {"state": "all", "page": 1, "per_page": 1})).total

    def orders(self, since: datetime, *, left_out: Callable[[str, str], object] | None = None) -> Iterator[ReverbOrder]:
        """Yield the account's sales that changed after `since`, page by page, newest first (docs: retrieve orders).

        `left_out` receives each row that cannot be read or that Reverb fails to show: its number ("" if unknown) and
        the reason. Raise paging.Short, after all others, if the list counts more rows than it shows.
        """
        stamp = since.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")  # "+" would need encoding
        ask = self._asking("/my/orders/selling/all", {"updated_start_date": stamp}, orders.page)
        for page in paging.pages(paging.Around(ask).page, "sales"):
            yield from orders.readable(page.rows, left_out=left_out)
            if left_out is not None:
                for _ in range(page.hidden):
                    left_out("", NOT_SHOWN)

    def order(self, number: str) -> ReverbOrder:
        """Return the current state of one sale. Raise NotFound and other ReverbErrors."""
        found = orders.order(self.get(f"/my/orders/selling/{quote(number, safe='')}"))
        if found.number != number:
            raise TransientError(f"Reverb answered with order {found.number} instead of {number}.")
        return found

    def _asking(self, path: str, query: Mapping[str, str], read_page: Callable[[object], Rows]) -> paging.Ask:
        """Return a function that requests one page of a list."""

        def ask(number: int, size: int) -> Rows:
            behind = {"page": number} if number > 1 else {}
            return read_page(self.get(f"{path}?{urlencode({**query, 'per_page': size, **behind})}"))

        return ask

    # -- writing ---------------------------------------------------------------------------------------------

    def create(
        self, body: Mapping[str, Any], *, goes_out: Callable[[], None]
    ) -> tuple[ReverbListing | None, list[str], str]:
        """POST a listing; return it, the warnings and the message. NoAnswer: it may have been created.

        `goes_out` runs right before the request is sent. Raise NoAnswer if the answer shows a listing with another SKU
        and title: linking it would overwrite another product's listing.
        """
        said = self._request("POST", self._address("/listings"), body, goes_out=goes_out).said
        found, warnings, message = read.written(said)
        if found is not None and not read.is_of(found, body):
            raise NoAnswer(f"Reverb answered with another listing, {found.id}.", may_have_applied=True)
        return found, warnings, message

    def update(self, listing: ReverbListing, body: Mapping[str, Any]) -> tuple[ReverbListing | None, list[str], str]:
        """PUT fields to a listing's own link; return the answered listing, the warnings and the message.

        Raise NoAnswer if the answer shows another listing, which must not be written to.
        """
        found, warnings, message = read.written(self._call("PUT", self._address(links.of_listing(listing)), body))
        if found is not None and found.id != listing.id:
            raise NoAnswer(f"Reverb answered with listing {found.id} instead of {listing.id}.", may_have_applied=True)
        return found, warnings, message

    def end(self, listing_id: str) -> None:
        """Take a listing off sale without changing its fields (docs: state/end).

        Raise Invalid for a draft (seen live).
        """
        self._call("PUT", self._address(f"/my/listings/{quote(listing_id, safe='')}/state/end"), {"reason": "not_sold"})

    # -- webhooks ----------------------------------------------------------------------------------------------

    def registrations(self) -> list[tuple[str, str, str]]:
        """Return link, topic and address of each webhook of the account, ours and others'."""
        return read.registrations(self.get("/webhooks/registrations"))

    def register(self, topic: str, address: str) -> None:
        """Register a webhook. Raise Invalid for a topic that Reverb lacks (seen live)."""
        self._call("POST", self._address("/webhooks/registrations"), {"url": address, "topic": topic})

    def unregister(self, link: str) -> None:
        """Remove a webhook by its link; one that no longer exists is no error."""
        with suppress(NotFound):
            self._call("DELETE", self._address(link))

    def ship(self, number: str, *, provider: str, tracking_number: str, notify: bool) -> None:
        """Mark a sale as shipped. NoAnswer: it may be marked; the order's tracking number then shows it."""
        body = {"provider": provider, "tracking_number": tracking_number, "send_notification": notify}
        self._on_order(number, "ship", body)

    def picked_up(self, number: str) -> None:
        """Mark a sale for local pickup as picked up (docs: mark_picked_up; its date is optional)."""
        self._on_order(number, "mark_picked_up", {})

    def _on_order(self, number: str, word: str, body: Mapping[str, Any]) -> None:
        """Call an action of an order. Raise Invalid also if a 2xx answer contains errors.

        The answers are undocumented; Reverb's own plug-ins check 2xx answers for errors too.
        """
        said = self._call("POST", self._address(f"/my/orders/selling/{quote(number, safe='')}/{word}"), body)
        if errors := read_field_errors(said.get("errors")):
            raise Invalid(short(said.get("message") or "Reverb refused it."), field_errors=errors, said=True)

    # -- the call ----------------------------------------------------------------------------------------------

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
    ) -> _Response:
        """Call Reverb and return a successful answer. Raise ReverbError (shops/reverb/answers.py)."""
        answer = self._answer(method, url, body, etag=etag, goes_out=goes_out)
        if etag and answer.status == NOT_MODIFIED:
            return _Response(answer.status, answer.headers, {})
        verdict, said = answers.judge(method, answer)
        if verdict == Verdict.DONE:
            return _Response(answer.status, answer.headers, said)
        error = answers.error_of(method, answer, verdict, said)
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
        except limiter.RateLimitUnavailable as lost:
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


def token_for_code(web_url: str, code: str, redirect_uri: str) -> str:
    """Exchange an authorization code for an access token (Reverb docs: POST /oauth/token). Raise ReverbError."""
    form = {
        "client_id": settings.REVERB_CLIENT_ID,
        "client_secret": settings.REVERB_CLIENT_SECRET.get_secret_value(),
        "code": code,
        "grant_type": "authorization_code",
        "redirect_uri": redirect_uri,
    }
    headers = {"Accept": "application/json", "Content-Type": "application/x-www-form-urlencoded"}
    address = f"{web_url}/oauth/token"
    try:
        answer = outbound.call("POST", address, budgets=[limits.app()], headers=headers, body=urlencode(form).encode())
        body = answer.json()
    except (errors.RateLimited, errors.Unreachable, errors.NotAllowed, ValueError):
        raise TransientError("Reverb did not answer. Please try again.") from None
    token = body.get("access_token") if isinstance(body, dict) else None
    if answer.status != 200 or not isinstance(token, str):
        raise PermanentError("Reverb did not take the code. Please begin again.")
    return token
