"""Reverb's accounts and listings, and an index that lags behind them. Orders are in orders.py."""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Callable
from typing import Any

from sandbox.common.clock import Clock
from sandbox.common.keep import Doc, Keep
from sandbox.reverb import rules

DEFAULTS: dict[str, Any] = {
    "index_lag_s": 3.0,  # lists lag behind a change (seen live)
    "sku_lag_s": 0.0,  # the look-up by SKU finds a fresh draft (seen live)
    "fuzzy_sku": False,  # whether the look-up also returns near matches: unknown, so both can be tried
    # How old the response about one listing is, and that every n-th is: never measured.
    "listing_lag_s": 0.0,
    "listing_lag_every": 1,
    "publish_delay_s": 1.0,
    # How long a sold-out listing stays "sold" after its inventory was raised: never measured.
    "relist_delay_s": 0.0,
    "reads_per_minute": 2000,
    "writes_per_minute": 600,
    "reads_per_10_minutes": 10_000,
    "writes_per_10_minutes": 3_000,
    "send_retry_after": True,
    # Whether Reverb adds a cancelled or refunded unit back to an inventory listing. The docs say "Reverb will increment
    # and decrement automatically", but it was never observed: so both can be tried.
    "restores_on_cancel": True,
    "unpaid_takes_stock": True,  # whether an unpaid order deducts its unit at once: unknown too
    "orders_lag_s": 0.0,  # whether the lists of orders lag like those of listings: unknown
    "order_lag_s": 0.0,  # the same for an order itself
    "registrations_lag_s": 0.0,  # and for the list of webhooks
    # Topics that POST /webhooks/registrations accepts. These are the documented ones (docs page and API description).
    # In 2026 only orders/paid was seen to be accepted on the sandbox, and the sync guide names product/updated and
    # order/created: set the list to try those.
    "webhook_topics": [
        "listings/update",
        "listings/publish",
        "listings/bumps-ran-out",
        "orders/create",
        "orders/update",
        "payments/create",
        "payments/update",
        "app/uninstalled",
    ],
    "refuses_second_sku": True,  # recorded in 2015; off: only our code prevents two listings with one SKU
    # How Reverb may change a SKU (a name in rules.SPELLINGS); "": not at all. Never observed, so all can be tried.
    "spells_sku": "",
    "webhooks_need_oauth": False,  # a personal token gets 401 for webhooks (seen live); off by default for the demo
}
#: Seconds of history that lagging responses can show.
TRAILS_S = 120.0
SCOPES = ["public", "read_listings", "write_listings", "read_orders", "write_orders", "read_profile"]


class Market:
    """All of Reverb, for all accounts. Callers hold `keep.lock`."""

    def __init__(self, keep: Keep, clock: Clock, web: str) -> None:
        """`web` is the address of the website."""
        self.keep = keep
        self.clock = clock
        self.web = web
        self.settings = dict(DEFAULTS)
        #: Called after each change: "listing" or "order", the previous version (None: new), the current version.
        self.on_change: Callable[[str, Doc | None, Doc], None] = lambda *_: None
        self._calls: dict[str, deque[float]] = keep.unsaved()
        #: Responses about one listing since the settings were set.
        self.reads = 0

    # -- accounts --------------------------------------------------------------------------------------------

    def make_account(self, wish: Doc) -> Doc:
        """Create an account, or update the one with this token."""
        known = self.account(wish["token"])
        account: Doc = known or {
            "id": self.keep.number("account", 501),
            "email": "seller@example.com",
            "shop_name": "Demo Guitars",
            "scopes": SCOPES,
            "billing": True,
            "shop_finished": True,
            "has_shop": True,
            "currency": "USD",
            "b_stock": False,
            "oauth": False,  # the token came from /oauth/token, not from the seller's own page
            "gone": False,  # the seller uninstalled the app, or deleted the token
            "shipping_profiles": [{"id": 1001, "name": "Guitars"}, {"id": 1002, "name": "Small parts"}],
        }
        account.update(wish)
        return self.keep.put("account", account["token"], account)

    def account(self, token: str) -> Doc | None:
        """Return the account of a token."""
        return self.keep.get("account", token)

    def over_budget(self, account: Doc, kind: str) -> float | None:
        """Count a call; return the seconds to wait if it exceeds a limit, else None."""
        now = self.clock.now()
        calls = self._calls.setdefault(f"{kind} {account['token']}", deque())
        while calls and calls[0] <= now - 600:
            calls.popleft()
        for window, name in ((60, "minute"), (600, "10_minutes")):
            limit = int(self.settings[f"{kind}_per_{name}"])
            inside = [at for at in calls if at > now - window] if len(calls) >= limit else []
            if len(inside) >= limit:
                return float(inside[-limit] + window - now)
        calls.append(now)
        return None

    # -- listings --------------------------------------------------------------------------------------------

    def listing(self, listing_id: str) -> Doc | None:
        """Return a listing as it is now, publishing it if it is due."""
        found = self.keep.get("listing", listing_id)
        if found is not None:
            self._publish_if_due(found)
        return found

    def shown(self, listing: Doc) -> Doc | None:
        """Return a listing as a response shows it, perhaps stale; None if it is newer than the stale state."""
        lag_s = float(self.settings["listing_lag_s"])
        self.reads += 1
        if not lag_s or self.reads % int(self.settings["listing_lag_every"]):
            return listing
        return as_of(listing, self.clock.now() - lag_s)

    def create(self, account: Doc, body: Doc) -> tuple[Doc, list[str]]:
        """Create a listing; return it and the warnings. Raises rules.Refusal."""
        body = self._spelled(body)
        rules.check(body, account)
        self._refuse_second_sku(account, body, None)
        now = self.clock.now()
        listing: Doc = {
            "id": self.keep.number("listing", 70_000_101),
            "account": account["token"],
            **dict.fromkeys(("title", "description", "make", "model", "finish", "year", "sku", "upc"), ""),
            "upc_does_not_apply": False,
            "condition": "",
            "categories": [],
            "price": None,
            "inventory": 0,
            "has_inventory": False,
            "offers_enabled": True,
            "photos": [],
            "photos_at": now,
            "shipping_profile_id": None,
            "state": "draft",
            "publish_at": None,
            "created_at": now,
            "published_at": None,
            "seen": [],
        }
        rules.change(listing, body, now=now, fetch_s=float(self.settings["publish_delay_s"]))
        rules.guess(listing)
        return self._written(account, listing, body)

    def update(self, account: Doc, listing: Doc, body: Doc) -> tuple[Doc, list[str]]:
        """Update a listing; return it and the warnings. If it raises rules.Refusal, nothing has changed."""
        body = self._spelled(body)
        rules.check(body, account)
        self._refuse_second_sku(account, body, listing)
        changed = json.loads(json.dumps(listing))
        rules.change(changed, body, now=self.clock.now(), fetch_s=float(self.settings["publish_delay_s"]))
        delay_s = float(self.settings["relist_delay_s"])
        if delay_s and changed["state"] == "live" != listing["state"]:
            changed |= {"state": listing["state"], "publish_at": self.clock.now() + delay_s}
        listing.update(changed)
        return self._written(account, listing, body)

    def end(self, listing: Doc) -> None:
        """End a listing. Raises rules.Refusal for a draft (seen live)."""
        if listing["state"] == "draft":
            raise rules.Refusal(422, {}, "This listing is a draft")
        if not rules.locked(listing):
            listing["state"] = "ended"
        self.save(listing)

    def mine(self, account: Doc, *, at: float | None = None) -> list[Doc]:
        """Return the account's listings, newest first: as the index showed them at `at`, or the current ones."""
        found = [doc for doc in self.keep.all("listing").values() if doc["account"] == account["token"]]
        for doc in found:
            self._publish_if_due(doc)
        if at is None:
            return found[::-1]
        return [seen for doc in reversed(found) if (seen := as_of(doc, at)) is not None]

    def save(self, listing: Doc) -> None:
        """Save a change; the index shows it after its lag."""
        before = self.remember(listing)
        self.keep.put("listing", listing["id"], listing)
        self.on_change("listing", before, listing)

    def remember(self, doc: Doc) -> Doc | None:
        """Set a changed document's date and record its history. Returns the previous version, None if it is new."""
        now = self.clock.now()
        doc["updated_at"] = now
        shown = {name: value for name, value in doc.items() if name != "seen"}
        older = [entry for entry in doc["seen"] if entry["at"] <= now - TRAILS_S][-1:]
        recent = [entry for entry in doc["seen"] if entry["at"] > now - TRAILS_S]
        before: Doc | None = doc["seen"][-1]["doc"] if doc["seen"] else None
        doc["seen"] = [*older, *recent, {"at": now, "doc": json.loads(json.dumps(shown))}]
        return before

    def publish_due(self) -> None:
        """Publish the listings whose processing is done, as if they had been read."""
        for listing in list(self.keep.all("listing").values()):
            self._publish_if_due(listing)

    def publishes(self) -> bool:
        """Return whether any listing is being processed."""
        return any(doc["publish_at"] is not None for doc in self.keep.all("listing").values())

    def _written(self, account: Doc, listing: Doc, body: Doc) -> tuple[Doc, list[str]]:
        warnings: list[str] = []
        if rules.true(body.get("publish")) and listing["state"] in ("draft", "ended"):
            warnings = rules.missing(listing, account) if listing["state"] == "draft" else []
            listing["publish_at"] = self.clock.now() + float(self.settings["publish_delay_s"])
        elif listing["state"] == "draft":
            warnings = [words for words in rules.missing(listing, account) if "UPC" in words]
        self.save(listing)
        return listing, warnings

    def _publish_if_due(self, listing: Doc) -> None:
        """Publish a listing if it is due; an incomplete one stays a draft (seen live)."""
        due = listing["publish_at"]
        if due is None or self.clock.now() < due:
            return
        account = self.account(listing["account"]) or {}
        listing["publish_at"] = None
        if not rules.missing(listing, account):
            listing["state"] = "live"
            listing["published_at"] = listing["published_at"] or due
            if not rules.several(listing):
                listing["inventory"] = 1
        self.save(listing)

    def _spelled(self, body: Doc) -> Doc:
        """Return the body with the SKU as Reverb stores it."""
        spell = rules.SPELLINGS.get(self.settings["spells_sku"])
        return {**body, "sku": spell(str(body["sku"]))} if spell is not None and body.get("sku") else body

    def _refuse_second_sku(self, account: Doc, body: Doc, own: Doc | None) -> None:
        """Raise Refusal if another listing of the shop has the SKU (recorded)."""
        sku = body.get("sku")
        if not sku or not self.settings["refuses_second_sku"]:
            return
        taken = [doc for doc in self.mine(account) if doc["sku"] == sku and doc is not own]
        if taken:
            words = f"You already have a listing with the SKU {sku}. Please use a unique SKU."
            raise rules.Refusal(412, {"sku": [words]})


def as_of(doc: Doc, at: float) -> Doc | None:
    """Return a document as of a time, None if it did not exist yet."""
    seen = [entry["doc"] for entry in doc["seen"] if entry["at"] <= at]
    return seen[-1] if seen else None
