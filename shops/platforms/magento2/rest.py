"""Call Magento's REST V1: signatures, rate limit, and the meaning of its answers.

Facts: Magento 2.4.7 as seen. A path without a store view's code means the default view; the code of an unknown view is
answered 400 "Specified request cannot be processed.". Errors are JSON with `message` and sometimes `parameters`, in the
store's language. So only English ones are final, and searches, whose answers need no words, say whether an object
exists. A page past the end is empty (`items` is null if `fields` trims the answer).
"""

from __future__ import annotations

from typing import Any
from urllib.parse import quote, urlsplit

from pydantic import SecretStr

from reverbsync.http.outbound import Answer
from reverbsync.ratelimit.budget import Budget
from shops.platforms import calls
from shops.platforms.answers import Caller, CallOutcome, judge
from shops.platforms.errors import TransientStoreError, Unsupported
from shops.platforms.magento2 import search, signing, store_cache
from shops.platforms.magento2.own_errors import GONE, KEYS, REASONS, TODO, TRANSIENT, filled, named
from shops.schemas import number_in

STORE = "Magento"
#: Magento sets no limit, but its host does, and answers become slow much earlier.
CALLS_PER_MINUTE = 240
#: How long a store's REST root below its address is cached.
ROOT_S = 7 * 24 * 3600
#: How long a store's page size limit is cached.
MOST_S = 24 * 3600
#: Matches no product: one broken product must not fail the probe.
PROBE = "/products?" + search.query([("entity_id", "eq", "0")], size=1, fields="items[id],total_count")


def budget_of(address: str) -> Budget:
    """Return the budget of a store."""
    return Budget(f"magento2:{address.partition('//')[2]}", CALLS_PER_MINUTE)


def encoded(sku: str) -> str:
    """Return a SKU encoded as a path segment."""
    return quote(sku, safe="")


class Rest(Caller):
    """REST V1 of one store."""

    store = STORE
    allow = "calls to /rest/V1 that carry an Authorization header"

    def __init__(self, address: str, token: SecretStr) -> None:
        """Makes no call."""
        self.address = address
        self.budget = budget_of(address)
        self._token = token
        self._key = f"magento2:root:{address}"
        found = store_cache.recall(self._key)
        self._root: str = found or address
        #: A root that answered once is right: later failures are not due to the URL.
        self._is_sure = found is not None
        self._most_key = f"magento2:most:{address}"
        self._most: int | None = store_cache.recall(self._most_key)

    # -- what a platform fills in ------------------------------------------------------------------------------

    def send(self, method: str, path: str, body: object) -> Answer:
        """Make one call; until the API has answered once, search for its root below the address."""
        answer = self._send(self._root, method, path, body)
        if self._is_sure or method != "GET":
            return answer
        if not _is_page(answer):
            self._is_sure = True
        elif root := self._elsewhere():
            self._root, self._is_sure = root, True
            return self._send(root, method, path, body)
        return answer

    def own_words(self, status: int, said: Any) -> CallOutcome | None:
        """Return the outcome of Magento's own error; None for errors of gateways and firewalls."""
        message = said.get("message") if isinstance(said, dict) else None
        if not isinstance(message, str) or set(said) - {"message", "parameters", "errors", "trace", "code"}:
            return None
        words = filled(said)
        if words.strip(" .").lower() in REASONS or TRANSIENT.search(words):
            return None
        if status == 401:
            return CallOutcome.KEYS if KEYS.search(words) or "resources" in named(said) else None
        if status == 400 and "token length is invalid" in words:  # the only refused keys with another status than 401
            return CallOutcome.KEYS
        if status == 404:
            return CallOutcome.MISSING if GONE.search(message) else None
        return CallOutcome.REFUSED if status in (400, 409, 422) else None

    def words(self, said: Any) -> str:
        """Return an error's message with its parameters (a list, or by name), and advice on permissions."""
        if not isinstance(said, dict) or not isinstance(said.get("message"), str):
            return ""
        todo = f" {TODO}" if KEYS.search(filled(said)) else ""
        return filled(said)[:300] + todo

    def probe(self) -> Answer:
        """Search for products, which the keys must allow."""
        return self.send("GET", PROBE, None)

    # -- calls -------------------------------------------------------------------------------------------------

    def get(self, path: str, query: str = "") -> Any:
        """Return the answer. Raise like `json`."""
        return self.json("GET", path + (f"?{query}" if query else ""))

    def listed(self, path: str, query: str = "") -> list[Any]:
        """Return an answer that is a list. Raise like `json`."""
        said = self.get(path, query)
        if not isinstance(said, list):
            raise TransientStoreError(f"{STORE}'s list could not be read.")
        return said

    def rows(self, path: str, query: str) -> tuple[list[Any], int | None]:
        """Return the rows of a search's page, and their total number if known. Raise like `json`."""
        try:
            said = self.get(path, self._fitted(query))
        except Unsupported as refused:
            most = search.most_in(str(refused))
            if most is None or search.fitted(query, most) == self._fitted(query):
                raise
            self._most = most
            store_cache.remember(self._most_key, most, MOST_S)
            said = self.get(path, self._fitted(query))
        if not isinstance(said, dict) or "items" not in said or not isinstance(said["items"], list | dict | None):
            raise TransientStoreError(f"{STORE}'s list could not be read.")
        items = said["items"] or []
        return list(items.values() if isinstance(items, dict) else items), number_in(said.get("total_count"))

    def fitting(self, size: int) -> int:
        """Return the actual page size for a requested `size`, which the store may limit."""
        return min(size, self._most or size)

    def _fitted(self, query: str) -> str:
        return search.fitted(query, self._most) if self._most else query

    def every(
        self, path: str, *groups: search.Group, sort: str = "entity_id", fields: str = "", whole: bool = False
    ) -> list[Any]:
        """Return the rows of all pages of a search. A page may hold fewer rows than requested; the last is empty.

        The store's total ends the search too; a total below the rows already read is wrong. `whole`: raise
        TransientStoreError if the total exceeds the rows that it shows.
        """
        found: list[Any] = []
        page = 1
        while True:
            rows, total = self.rows(path, search.query(*groups, sort=sort, page=page, fields=fields))
            again = bool(rows) and rows == found[-len(rows) :]  # older versions repeat the last page
            found += [] if again else rows
            if again or not rows or len(found) == total:
                if whole and len(found) < (total or 0):
                    raise TransientStoreError(f"{STORE} shows {len(found)} of {total} rows of a list.")
                return found
            page += 1

    def written(self, method: str, path: str, body: object) -> Any:
        """Make a write and return the answer. Raise like `json`."""
        return self.json(method, path, body)

    def lacks_route(self, path: str) -> bool:
        """Return whether Magento itself answers that a search's route is missing, in any language."""
        answer = self.send("GET", f"{path}?{search.query(sort='', size=1)}", None)
        return answer.status == 404 and not _is_page(answer)

    def find_root(self) -> None:
        """Find and cache where REST is served. Raise TransientStoreError if it is nowhere below the address."""
        status = 0
        for root in self._roots():
            answer = self._send(root, "GET", PROBE, None)
            if not _is_page(answer):
                self._root, self._is_sure = root, True
                if judge(answer, self)[0] == CallOutcome.DONE:
                    store_cache.remember(self._key, root, ROOT_S)
                return
            status = status or answer.status
        raise TransientStoreError(
            f"{STORE}'s REST API did not answer at {self.address}/rest/V1 ({status}). Check the address: it is the one "
            "under Stores > Configuration > General > Web > Base URLs."
        )

    def _elsewhere(self) -> str | None:
        """Return where REST is served, None if unknown: it may be down for a moment."""
        for root in self._roots():
            answer = self._send(root, "GET", PROBE, None)
            if judge(answer, self)[0] == CallOutcome.DONE:
                store_cache.remember(self._key, root, ROOT_S)
                return root
        return None

    def _roots(self) -> list[str]:
        """Return possible REST roots: below index.php without URL rewriting, above the path with a store's code."""
        parts = urlsplit(self.address)
        above = self.address[: -len(parts.path)] if parts.path else ""
        bare = [one for one in (self.address, above) if one]
        behind = [f"{one}/index.php" for one in bare if not one.endswith("/index.php")]
        return list(dict.fromkeys([*bare[:1], *behind[:1], *bare[1:], *behind[1:]]))

    def _send(self, root: str, method: str, path: str, body: object) -> Answer:
        url = f"{root}/rest/V1{path}"
        signed = signing.headers(self._token.get_secret_value(), method, url)
        headers = {**signed, "Accept": "application/json", "Content-Type": "application/json"}
        return calls.call(STORE, method, url, budgets=[self.budget], headers=headers, body=body)


def _is_page(answer: Answer) -> bool:
    """Return whether a 404 or a redirect comes from something other than the API."""
    if answer.status != 404 and not 300 <= answer.status < 400:
        return False
    try:
        return not isinstance(answer.json(), dict)
    except ValueError:
        return True
