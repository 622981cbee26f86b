"""HTTP to one BigCommerce store, and the meaning of its answers.

Facts: developer docs, "API status codes" (v3 answers `{"status", "title", "type", "errors"}`, v2 `[{"status",
"message"}]`; 503 is maintenance or a suspended store) and "Rate limits". All apps of the store share the quota, so the
rate follows the quota headers of each answer.
"""

from __future__ import annotations

import random
from datetime import timedelta
from typing import Any, NamedTuple

from django.conf import settings

from reverbsync.http.outbound import Answer
from reverbsync.ratelimit.budget import Budget
from shops.models import StoreConnection
from shops.platforms import calls
from shops.platforms.answers import Caller, CallOutcome
from shops.platforms.bigcommerce.own_errors import ELSEWHERE, GENERIC, GONE, RIGHTS, first_error, own_error
from shops.platforms.errors import Missing, TransientStoreError
from shops.schemas import number_in

#: The smallest plan's quota is 150 calls in 30 seconds.
CALLS_PER_MINUTE = 300
#: Calls left to other apps of the store.
RESERVE = 5
#: Wait in seconds after a 429 that names none, which is the platform's load shedding.
DEFAULT_RESET_S = 10.0
#: The longest window of the quota; a longer wait is a mistake.
MOST_RESET_S = 60.0
READ_S = 30.0
#: The largest page of v3, and an upper limit of pages per list.
PAGE, MOST_PAGES = 250, 400
#: Overlap of two polls for changes, since the index behind the filter lags.
OVERLAP = timedelta(minutes=5)


class Rows(NamedTuple):
    """The rows of a list, and whether they are as many as the list counts."""

    rows: list[Any]
    whole: bool


class Rest(Caller):
    """Calls one store."""

    store = "BigCommerce"

    def __init__(self, connection: StoreConnection) -> None:
        """Makes no call."""
        self._root = f"{settings.BIGCOMMERCE_API_URL}/stores/{connection.address}"
        self._token = connection.token
        self.budget = Budget(f"bigcommerce:{connection.address}", CALLS_PER_MINUTE)

    def send(self, method: str, path: str, body: object) -> Answer:
        """Make one call; hold further calls before the quota is used up."""
        headers = {
            "X-Auth-Token": self._token.get_secret_value(),
            "Accept": "application/json",
            "Content-Type": "application/json",
        }
        answer = calls.call(
            self.store, method, self._root + path, budgets=[self.budget], headers=headers, body=body, read_s=READ_S
        )
        left, reset = number_in(answer.headers.get("X-Rate-Limit-Requests-Left", "")), _reset_s(answer)
        if left is not None and left <= RESERVE and reset is not None:
            calls.hold(self.budget, reset)
        return answer

    def own_words(self, status: int, said: Any) -> CallOutcome | None:
        """Return the outcome of BigCommerce's own errors: their status repeats that of the answer."""
        error = own_error(status, said)
        if error is None:
            return None
        words = str(error.get("title") or error.get("message")).lower()
        if status == 404:
            return CallOutcome.MISSING if GONE.search(words) and not ELSEWHERE.search(words) else None
        if status == 403 and "scope" in words:
            return CallOutcome.REFUSED
        if status == 401 or (status == 403 and RIGHTS.search(words)):
            return CallOutcome.KEYS
        return CallOutcome.REFUSED if status in (400, 422) else None

    def probe(self) -> Answer:
        """Read the store's own name."""
        return self.send("GET", "/v2/store", None)

    def words(self, said: Any) -> str:
        """Return the error's message with its details."""
        first = first_error(said)
        if first is None:
            return ""
        errors = first.get("errors")
        detail = "; ".join(f"{name}: {text}" for name, text in errors.items()) if isinstance(errors, dict) else ""
        return f"{first.get('title') or first.get('message') or ''} {detail}".strip()[:200]

    def wait_s(self, answer: Answer) -> float | None:
        """Return the seconds until the quota resets, with jitter."""
        reset = _reset_s(answer)
        jitter = random.uniform(0, 1)  # noqa: S311 -- spreads load, keeps no secret
        return (reset if reset is not None else calls.retry_after_s(answer) or DEFAULT_RESET_S) + jitter

    def call(self, method: str, path: str, body: object = None) -> Answer:
        """Call like `Caller.call`, but raise for a 207: only a part was applied, so the outcome is unknown."""
        answer = super().call(method, path, body)
        if answer.status == 207:
            raise TransientStoreError(
                "BigCommerce did only a part of what was asked.", may_have_applied=method != "GET"
            )
        return answer

    # -- the forms of v2 and v3 ----------------------------------------------------------------------------------

    def data(self, method: str, path: str, body: object = None) -> Any:
        """Return the content of v3's `data`. Raise like `json`, and if `data` is missing."""
        said = self.json(method, path, body)
        if not isinstance(said, dict) or not isinstance(said.get("data"), dict | list):
            raise TransientStoreError(
                "BigCommerce's answer could not be read at data.", may_have_applied=method != "GET"
            )
        return said["data"]

    def rows(self, path: str) -> list[Any]:
        """Return a list of v2 or v3: for an empty list, v2 answers 204 without a body.

        Raise TransientStoreError for an empty body with another status: as "no orders", it would create an order twice.
        """
        answer = self.call("GET", path)
        nothing = answer.status == 204 and path.startswith("/v2/")
        return [] if nothing else _rows(calls.json_of(self.store, answer), path)

    def page(self, path: str) -> tuple[list[Any], int | None]:
        """Return a page of a v3 list, and the list's total number of rows, None if unknown."""
        said = self.json("GET", path)
        return _rows(said, path), _total(said)

    def all_rows(self, path: str, *, size: int = PAGE) -> Rows:
        """Return all rows of a v3 list. `path` has a query. A page may hold fewer rows than requested."""
        rows: list[Any] = []
        for number in range(1, MOST_PAGES + 1):
            found, total = self.page(f"{path}&limit={size}&page={number}")
            rows += found
            short = len(rows) < (total or 0)
            if not found or (len(found) < size and not short):
                return Rows(rows, whole=not short)
        return Rows(rows, whole=False)

    def confirm_gone(self, missing: Missing, listed: str) -> None:
        """Raise TransientStoreError if a missing object is still in its list.

        Only messages that fit any URL need this check. `listed` is the path of a list that would contain the object.
        """
        if GENERIC.search(str(missing).lower()) and self.rows(listed):
            raise TransientStoreError(f"{missing} But BigCommerce still lists it.")


def _rows(said: Any, path: str) -> list[Any]:
    rows = said
    if path.startswith("/v3/"):
        rows = said.get("data") if isinstance(said, dict) else None
    if isinstance(rows, dict) and rows and all(isinstance(row, dict) for row in rows.values()):
        rows = list(rows.values())  # a list with gaps, as PHP writes it
    if not isinstance(rows, list):
        raise TransientStoreError("BigCommerce's list could not be read.")
    return rows


def _total(said: Any) -> int | None:
    meta = said.get("meta") if isinstance(said, dict) else None
    pages = meta.get("pagination") if isinstance(meta, dict) else None
    total = pages.get("total") if isinstance(pages, dict) else None
    return number_in(total)


def _reset_s(answer: Answer) -> float | None:
    reset_ms = number_in(answer.headers.get("X-Rate-Limit-Time-Reset-Ms", ""))
    return None if reset_ms is None else min(MOST_RESET_S, reset_ms / 1000)
