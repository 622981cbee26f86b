"""A fast stand-in Reverb for mass syncs: it stores listings, lists them by pages, and publishes after a second.

Like bench/reverb.py, but it has only the listings that were created or seeded. `python -m bench.market PORT`; a POST to
`/_bench/seed` creates live listings for a token.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections import defaultdict
from typing import Any
from urllib.parse import parse_qs, urlsplit

from bench.reverb import Doc, Reverb, serve

PAGE = 50
PUBLISHED_AFTER_S = 1.0
EMPTY = {"/listing_conditions": "conditions", "/shop": "shipping_profiles", "/my/orders/selling/all": "orders"}
CATEGORY = {"uuid": "0e7c6a4e-0000-4000-8000-000000000001", "full_name": "Electric Guitars / Solid Body"}
Answer = tuple[int, Any]


class Market(Reverb):
    """Listings of any number of accounts."""

    def __init__(self) -> None:
        super().__init__()
        #: Token → id → listing, oldest first; and token → SKU → id.
        self._shops: defaultdict[str, dict[str, Doc]] = defaultdict(dict)
        self._skus: defaultdict[str, dict[str, str]] = defaultdict(dict)
        self._token = ""
        self._next = 70_000_000

    def answer(self, method: str, target: str, token: str, body: bytes) -> tuple[int, Any, dict[str, str]]:
        """Return status, JSON and headers."""
        self._token = token
        return super().answer(method, target, token, body)

    def _control(self, method: str, path: str, body: bytes) -> tuple[int, Any, dict[str, str]]:
        if path != "/_bench/seed":
            return super()._control(method, path, body)
        wish = json.loads(body)
        for row in wish["listings"]:
            self._make(wish["token"], {**row, "live_at": 0.0})
        return 200, {}, {}

    def _call(self, method: str, target: str, body: bytes) -> Answer:
        parts = urlsplit(target)
        path = parts.path.removeprefix("/api")
        if path == "/listings":
            return self._create(json.loads(body))
        if path.startswith("/listings/"):
            return self._one(path.split("/")[2].partition("-")[0], json.loads(body) if method == "PUT" else None)
        if path == "/my/listings":
            return 200, self._page({name: values[0] for name, values in parse_qs(parts.query).items()})
        if path == "/categories/flat":
            return 200, {"categories": [{**CATEGORY, "listable": True}]}
        return 200, {EMPTY[path]: []} if path in EMPTY else {}

    def _create(self, body: Doc) -> Answer:
        if body["sku"] in self._skus[self._token]:
            return 412, {"message": "You already have a listing with this SKU.", "errors": {"sku": ["is taken"]}}
        live_at = time.time() + PUBLISHED_AFTER_S if body.pop("publish", False) else None
        made = self._make(self._token, {**body, "live_at": live_at})
        return 201, {"message": "Created", "listing": shown(made), "warnings": []}

    def _one(self, key: str, body: Doc | None) -> Answer:
        found = self._shops[self._token].get(key)
        if found is None:
            return 404, {"message": "The listing could not be found"}
        if body is None:
            return 200, shown(found)
        found.update(body)
        return 200, {"message": "Updated", "listing": shown(found), "warnings": []}

    def _make(self, token: str, doc: Doc) -> Doc:
        self._next += 1
        made = {**doc, "id": self._next}
        self._shops[token][str(self._next)] = made
        self._skus[token][doc["sku"]] = str(self._next)
        return made

    def _page(self, query: dict[str, str]) -> Doc:
        mine = self._shops[self._token]
        if "sku" in query:
            key = self._skus[self._token].get(query["sku"])
            return {"total": int(bool(key)), "listings": [shown(mine[key])] if key else [], "_links": {}}
        rows = list(mine.values())
        if query.get("state") == "draft":
            rows = [row for row in rows if state(row) == "draft"]
        size, number = min(PAGE, int(query["per_page"])), int(query["page"])
        found = [shown(row) for row in rows[(number - 1) * size : number * size]]
        following = {"next": {"href": f"http://reverb.test/api/my/listings?page={number + 1}"}}
        return {"total": len(rows), "listings": found, "_links": following if number * size < len(rows) else {}}


def state(doc: Doc) -> str:
    """Return a listing's state."""
    if doc.get("inventory") == 0:
        return "sold"
    return "live" if doc["live_at"] is not None and doc["live_at"] <= time.time() else "draft"


def shown(doc: Doc) -> Doc:
    """Return a listing as Reverb shows it: without its UPC."""
    own = f"http://reverb.test/api/listings/{doc['id']}-guitar"
    hidden = ("live_at", "upc", "photos", "photo_upload_method")
    return {
        **{name: value for name, value in doc.items() if name not in hidden},
        "state": {"slug": state(doc)},
        "photos": [{}] * len(doc.get("photos", ())),
        "_links": {"self": {"href": own}, "web": {"href": f"http://reverb.test/item/{doc['id']}-guitar"}},
    }


if __name__ == "__main__":
    asyncio.run(serve(int(sys.argv[1]), Market()))
