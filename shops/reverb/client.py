"""Call Reverb for one account: listings, orders and webhooks. Decides nothing.

Facts: Reverb's developer pages (headers, HAL links, `my/listings`, `state/end`) and behaviour seen live in 2026.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote, urlencode

from shops.reverb import links, match, orders, paging, read, read_webhooks
from shops.reverb.caller import ReverbCaller
from shops.reverb.errors import Invalid, NoAnswer, NotFound, TransientError, read_field_errors, short
from shops.reverb.paging import PAGE
from shops.reverb.read import Rows
from shops.snapshots import PHOTOS_UNKNOWN, ReverbListing, ReverbOrder

#: The seller's sentence for a sale that is left out of a list.
NOT_SHOWN = "Reverb's list of sales fails at this sale."


class ReverbClient(ReverbCaller):
    """Calls Reverb as one seller."""

    # -- reading ---------------------------------------------------------------------------------------------

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
                rows = (row for row in page.rows if match.may_have_sku(row, sku, near=near))
                found += [one for one in map(read.listing, rows) if match.has_sku(one, sku, near=near)]
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
        ask = self._asking("/my/orders/selling/all", {"updated_start_date": _stamp(since)}, orders.page)
        for page in paging.pages(paging.Around(ask).page, "sales"):
            yield from orders.readable(page.rows, left_out=left_out)
            if left_out is not None:
                for _ in range(page.hidden):
                    left_out("", NOT_SHOWN)

    def newest_orders(self, since: datetime, etag: str) -> tuple[list[ReverbOrder], str, bool] | None:
        """Return the first page of the sales that changed after `since`, its ETag, and whether it shows all of them.

        None if the page still has the ETag `etag`; the same `since` is needed for that. Raise ReverbError.
        """
        query = urlencode({"updated_start_date": _stamp(since), "per_page": PAGE})
        found = self.get_if_new(f"/my/orders/selling/all?{query}", etag)
        if found is None:
            return None
        page, left_out = orders.page(found[0]), list[str]()
        read = orders.readable(page.rows, left_out=lambda number, _: left_out.append(number))
        return read, found[1], not left_out and not paging.goes_on(page, len(page.rows))

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
        if found is not None and not match.is_of(found, body):
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
        return read_webhooks.registrations(self.get("/webhooks/registrations"))

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


def _stamp(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")  # "+" would need encoding
