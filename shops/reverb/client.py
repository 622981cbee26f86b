"""HTTP to Reverb for one account: headers, links, pages, the pace, and errors of one family. Nothing is decided here.

Facts: Reverb's developer pages (headers, HAL links, `my/listings`, `state/end`) and behaviour seen live in 2026.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

from django.conf import settings
from pydantic import SecretStr

from reverbsync import clock, http, pace
from reverbsync.http import Answer
from shops.models import ReverbConnection
from shops.pictures import PHOTOS_UNKNOWN, ReverbListing, ReverbOrder
from shops.reverb import limits, orders, read
from shops.reverb.errors import (
    Invalid,
    Lasting,
    NoAnswer,
    NotFound,
    Paced,
    Passing,
    SlowDown,
    from_answer,
    read_field_errors,
)

#: A read so soon after the last question whether calls are allowed does no harm.
FRESH_S = 5.0
MAX_PAGES = 200
#: The most rows of a page (seen live: more is cut to this).
PAGE = 50
NOT_MODIFIED = 304
WORDS_FOR_JSON = "application/hal+json"


class ReverbClient:
    """Calls Reverb as one seller."""

    def __init__(
        self, token: SecretStr, budget: str, *, root: str = "", before_call: Callable[[], None] | None = None
    ) -> None:
        """`budget` names the account's part of the pace (ReverbConnection.budget), `root` is the API that it lives on.

        `before_call` is asked right before each write, when the pace has let it through, and may raise to forbid it;
        before a read only when it was not asked for some seconds.
        """
        self._token = token
        self._root = root or settings.REVERB_API_URL
        self._before_call = before_call
        #: How far Reverb's clock is ahead of ours, by the last answer.
        self._ahead = timedelta(0)
        self._asked_at = clock.monotonic()
        self._budget = budget

    @classmethod
    def of(cls, connection: ReverbConnection, *, before_call: Callable[[], None] | None = None) -> ReverbClient:
        """Return the client of a shop's Reverb connection."""
        return cls(connection.token, connection.budget, root=connection.api_url, before_call=before_call)

    # -- reading ---------------------------------------------------------------------------------------------

    def get(self, path: str, query: Mapping[str, str | int] | None = None) -> Any:
        """Return the JSON at `path` (from the API's root, or a link). Raises ReverbError."""
        return self._call("GET", self._address(path) + (f"?{urlencode(query)}" if query else ""))

    def get_if_new(self, path: str, etag: str) -> tuple[Any, str] | None:
        """Return the JSON at `path` and its ETag, None while it is still what `etag` names. Raises ReverbError."""
        answer = self._answer("GET", self._address(path), etag=etag)
        if answer.status == NOT_MODIFIED:
            return None
        return self._json(answer), answer.headers.get("ETag", "")

    def listing(self, listing_id: str) -> ReverbListing:
        """Return a listing by its numeric id; this answer is always current. Raises NotFound and the rest."""
        return read.listing(self.get(f"/listings/{quote(listing_id, safe='')}"))

    def listings_with_sku(self, sku: str) -> list[ReverbListing]:
        """Return the shop's listings in every state whose SKU is exactly `sku`.

        The search may bring near matches, so each row's own SKU is compared. A row may trail a change: read a
        listing by its id before trusting more than the id.
        """
        rows = self._rows("/my/listings", {"sku": sku, "state": "all", "per_page": PAGE})
        return [found for row in rows if (found := read.listing(row)).sku.strip() == sku]

    def listings_page(self, number: int) -> tuple[list[ReverbListing], int]:
        """Return a page of the shop's listings in every state, and how many pages there are. It trails by seconds."""
        rows, total, _ = read.page(self.get("/my/listings", {"state": "all", "page": number, "per_page": PAGE}))
        return read.readable(rows), max(1, -(-total // PAGE))

    def index_page(self, number: int, state: str = "all") -> tuple[list[ReverbListing], int, bool]:
        """Return a page of the shop's listings, how many there are in all, and whether another page follows.

        It trails by seconds. A page shows one photo of each listing, so how many there are is not known.
        """
        query: dict[str, str | int] = {"state": state, "page": number, "per_page": PAGE}
        rows, total, following = read.page(self.get("/my/listings", query))
        found = [replace(row, photo_count=PHOTOS_UNKNOWN) for row in read.readable(rows)]
        return found, total, bool(following and rows)

    def count(self) -> int:
        """Return how many listings the shop has, in every state. It trails by seconds."""
        return read.page(self.get("/my/listings", {"state": "all", "page": 1, "per_page": 1}))[1]

    def _rows(self, path: str, query: Mapping[str, str | int]) -> Iterator[dict[str, Any]]:
        rows, _, following = read.page(self.get(path, query))
        yield from rows
        for _ in range(MAX_PAGES):
            if not following:
                return
            rows, _, following = read.page(self.get(following))
            yield from rows

    def orders(self, since: datetime) -> Iterator[ReverbOrder]:
        """Yield the account's sales that changed after `since`, page by page, newest first (docs: retrieve orders)."""
        stamp = since.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")  # "+" of an offset would need care on the way
        link = "/my/orders/selling/all"
        query: dict[str, str | int] = {"updated_start_date": stamp, "per_page": PAGE}
        for _ in range(MAX_PAGES):
            found, following = orders.page(self.get(link, query or None))
            yield from found
            if not following:
                return
            link, query = following, {}

    def order(self, number: str) -> ReverbOrder:
        """Return one sale as it is now. Raises NotFound and the rest."""
        return orders.order(self.get(f"/my/orders/selling/{quote(number, safe='')}"))

    # -- writing ---------------------------------------------------------------------------------------------

    def create(
        self, body: Mapping[str, Any], *, goes_out: Callable[[], None]
    ) -> tuple[ReverbListing | None, list[str], str]:
        """POST a listing; return it, the warnings and the message. NoAnswer may mean that it was made.

        `goes_out` is called when nothing but the network is left between the call and Reverb.
        """
        answer = self._answer("POST", self._address("/listings"), body, goes_out=goes_out)
        return read.written(self._json(answer))

    def update(self, link: str, body: Mapping[str, Any]) -> tuple[ReverbListing | None, list[str], str]:
        """PUT fields to a listing's own link; return it as answered, the warnings and the message."""
        return read.written(self._call("PUT", self._address(link), body))

    # -- webhooks ----------------------------------------------------------------------------------------------

    def registrations(self) -> list[tuple[str, str, str]]:
        """Return link, topic and address of each webhook of the account, ours and others'."""
        return read.registrations(self.get("/webhooks/registrations"))

    def register(self, topic: str, address: str) -> None:
        """Let Reverb call an address. A topic that it does not have is Invalid (seen live)."""
        self._call("POST", self._address("/webhooks/registrations"), {"url": address, "topic": topic})

    def unregister(self, link: str) -> None:
        """Remove a webhook by its own link; one that is gone already is no error."""
        with suppress(NotFound):
            self._call("DELETE", self._address(link))

    def ship(self, number: str, *, provider: str, tracking_number: str, notify: bool) -> None:
        """Mark a sale as shipped. NoAnswer may mean that it was: the order's own tracking number then tells."""
        body = {"provider": provider, "tracking_number": tracking_number, "send_notification": notify}
        self._on_order(number, "ship", body)

    def picked_up(self, number: str) -> None:
        """Mark a sale for local pickup as picked up (docs: mark_picked_up; its date is optional)."""
        self._on_order(number, "mark_picked_up", {})

    def _on_order(self, number: str, word: str, body: Mapping[str, Any]) -> None:
        """What these calls answer is not documented; Reverb's own plug-ins look for errors in an answer of 2xx too."""
        said = self._call("POST", self._address(f"/my/orders/selling/{quote(number, safe='')}/{word}"), body)
        errors = read_field_errors(said.get("errors")) if isinstance(said, dict) else {}
        if errors:
            raise Invalid(str(said.get("message") or "Reverb refused it.")[:500], field_errors=errors)

    # -- the call ----------------------------------------------------------------------------------------------

    def their_now(self) -> datetime:
        """Return the present moment by Reverb's clock, as far as its last answer told (whole seconds)."""
        return clock.now() + self._ahead

    def in_their_time(self, moment: datetime | None) -> datetime | None:
        """Return a moment of our clock by Reverb's."""
        return moment + self._ahead if moment else None

    def must_wait(self) -> bool:
        """Tell whether the next write would have to wait longer for the pace than a call waits."""
        return pace.wait_s(limits.budgets(self._budget, "writes")) > http.MAX_PACE_WAIT_SECONDS

    def _call(self, method: str, url: str, body: object = None) -> Any:
        return self._json(self._answer(method, url, body))

    def _answer(
        self, method: str, url: str, body: object = None, *, etag: str = "", goes_out: Callable[[], None] | None = None
    ) -> Answer:
        """Call, and return an answer that is no refusal."""

        def asked() -> None:
            self._ask()
            if goes_out is not None:
                goes_out()

        budgets = limits.budgets(self._budget, "reads" if method == "GET" else "writes")
        before = None if method == "GET" and clock.monotonic() < self._asked_at + FRESH_S else asked
        headers = {**self._headers(), **({"If-None-Match": etag} if etag else {})}
        try:
            answer = http.call(method, url, budgets=budgets, headers=headers, body=body, before=before)
        except http.Paced as paced:
            raise Paced(str(paced), retry_after=paced.retry_after) from None
        except http.NotAllowed as error:
            raise Lasting(f"Reverb: {error}.") from None
        except http.Unreachable as error:
            raise NoAnswer(f"Reverb: {error}.", maybe_done=error.maybe_done) from None
        self._hear_time(answer)
        if 200 <= answer.status < 300 or (etag and answer.status == NOT_MODIFIED):
            return answer
        refusal = from_answer(answer)
        if isinstance(refusal, SlowDown):
            self._slow_down(refusal)
        raise refusal

    def _hear_time(self, answer: Answer) -> None:
        with suppress(ValueError):
            said = parsedate_to_datetime(answer.headers.get("Date", ""))
            self._ahead = (said if said.tzinfo else said.replace(tzinfo=UTC)) - clock.now()

    def _ask(self) -> None:
        if self._before_call is not None:
            self._before_call()
            self._asked_at = clock.monotonic()

    def _json(self, answer: Answer) -> Any:
        try:
            return answer.json()
        except ValueError:
            raise NoAnswer("Reverb's answer could not be read.", maybe_done=True) from None

    def _slow_down(self, error: SlowDown) -> None:
        try:
            error.retry_after = limits.slow_down(self._budget, error.retry_after)
        except pace.PaceLost as lost:
            raise Passing(str(lost), retry_after=error.retry_after) from None

    def _headers(self) -> dict[str, str]:
        return {
            "Authorization": f"Bearer {self._token.get_secret_value()}",
            "Accept": WORDS_FOR_JSON,
            "Content-Type": WORDS_FOR_JSON,
            "Accept-Version": "3.0",
        }

    def _address(self, link: str) -> str:
        """Return the address for a path or link, always on the configured host, so that the token goes nowhere else.

        Reverb mixes hosts in its links; only the path and query of a link are used.
        """
        root, parts = urlsplit(self._root), urlsplit(link)
        path = parts.path.removeprefix(root.path) if parts.path.startswith(root.path + "/") else parts.path
        path = path.removeprefix("/api") if path.startswith("/api/") else path
        return f"{root.scheme}://{root.netloc}{root.path}{path}" + (f"?{parts.query}" if parts.query else "")


def token_for_code(web_url: str, code: str, redirect_uri: str) -> str:
    """Return the access token for the code of the grant (Reverb docs: POST /oauth/token). Raises ReverbError."""
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
        answer = http.call("POST", address, budgets=[limits.app()], headers=headers, body=urlencode(form).encode())
        body = answer.json()
    except (http.Paced, http.Unreachable, http.NotAllowed, ValueError):
        raise Passing("Reverb did not answer. Please try again.") from None
    token = body.get("access_token") if isinstance(body, dict) else None
    if answer.status != 200 or not isinstance(token, str):
        raise Lasting("Reverb did not take the code. Please begin again.")
    return token
