"""What Reverb holds: accounts and listings, and an index that trails them. Orders are in orders.py."""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Callable
from typing import Any

from sandbox.common.clock import Clock
from sandbox.common.keep import Doc, Keep
from sandbox.reverb import rules

DEFAULTS: dict[str, Any] = {
    "index_lag_s": 3.0,  # lists trail a change (seen live)
    "sku_lag_s": 0.0,  # the look-up by SKU sees a fresh draft (seen live)
    "fuzzy_sku": False,  # whether the look-up brings near matches too: unknown, so both can be tried
    # How old the answer about one listing is, and that it is so at every how-manieth: nobody measured it.
    "listing_lag_s": 0.0,
    "listing_lag_every": 1,
    "publish_delay_s": 1.0,
    # How long one that sold out stays "sold" after its number was raised: nobody measured it.
    "relist_delay_s": 0.0,
    "reads_per_minute": 2000,
    "writes_per_minute": 600,
    "reads_per_10_minutes": 10_000,
    "writes_per_10_minutes": 3_000,
    "send_retry_after": True,
    # Whether a cancelled or refunded unit comes back into an inventory listing's number by itself. The docs say "Reverb
    # will increment and decrement automatically", nobody saw it: so both can be tried.
    "restores_on_cancel": True,
    "unpaid_takes_stock": True,  # whether an order that waits for its payment takes the unit at once: unknown too
    "orders_lag_s": 0.0,  # whether the lists of orders trail as those of listings do: unknown
    "order_lag_s": 0.0,  # the same for an order itself
    "registrations_lag_s": 0.0,  # and for the list of webhooks
    # What POST /webhooks/registrations takes. These are the documented ones (docs page and API description); in 2026
    # somebody found nothing but orders/paid accepted on the sandbox, and the sync guide names product/updated and
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
    "refuses_second_sku": True,  # recorded in 2015; off: nobody but we keeps a shop from two listings with one SKU
    # What Reverb may make of a SKU (a name in rules.SPELLINGS); "": nothing. Nobody has seen it, so all of it is tried.
    "spells_sku": "",
    "webhooks_need_oauth": False,  # a personal token gets 401 for webhooks (seen live); off, for the demo's sake
}
#: How far back what trails can be asked how it was.
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
        #: Called after each change: "listing" or "order", how it was before (None: new), how it is now.
        self.on_change: Callable[[str, Doc | None, Doc], None] = lambda *_: None
        self._calls: dict[str, deque[float]] = keep.unsaved()
        #: Answers about one listing since the settings were made.
        self.reads = 0

    # -- accounts --------------------------------------------------------------------------------------------

    def make_account(self, wish: Doc) -> Doc:
        """Make an account, or change the one with this token."""
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
            "gone": False,  # the seller took the app out, or deleted the token
            "shipping_profiles": [{"id": 1001, "name": "Guitars"}, {"id": 1002, "name": "Small parts"}],
        }
        account.update(wish)
        return self.keep.put("account", account["token"], account)

    def account(self, token: str) -> Doc | None:
        """Return the account behind a token."""
        return self.keep.get("account", token)

    def over_budget(self, account: Doc, kind: str) -> float | None:
        """Count a call; return the seconds to wait when it is one too many, else None."""
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
        """Return a listing as it is now, publishing it if its time has come."""
        found = self.keep.get("listing", listing_id)
        if found is not None:
            self._publish_if_due(found)
        return found

    def shown(self, listing: Doc) -> Doc | None:
        """Return a listing as an answer shows it, which may be old; None when it is newer than that."""
        lag_s = float(self.settings["listing_lag_s"])
        self.reads += 1
        if not lag_s or self.reads % int(self.settings["listing_lag_every"]):
            return listing
        return as_of(listing, self.clock.now() - lag_s)

    def create(self, account: Doc, body: Doc) -> tuple[Doc, list[str]]:
        """Make a listing; return it and the warnings. Raises rules.Refusal."""
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
        """Change a listing; return it and the warnings. Raises rules.Refusal, and then nothing has changed."""
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
        """Take a listing off sale. Raises rules.Refusal for a draft (seen live)."""
        if listing["state"] == "draft":
            raise rules.Refusal(422, {}, "This listing is a draft")
        if not rules.locked(listing):
            listing["state"] = "ended"
        self.save(listing)

    def mine(self, account: Doc, *, at: float | None = None) -> list[Doc]:
        """Return the account's listings, newest first: as the index showed them at `at`, or as they are."""
        found = [doc for doc in self.keep.all("listing").values() if doc["account"] == account["token"]]
        for doc in found:
            self._publish_if_due(doc)
        if at is None:
            return found[::-1]
        return [seen for doc in reversed(found) if (seen := as_of(doc, at)) is not None]

    def save(self, listing: Doc) -> None:
        """Keep a change, and let the index see it in its own time."""
        before = self.remember(listing)
        self.keep.put("listing", listing["id"], listing)
        self.on_change("listing", before, listing)

    def remember(self, doc: Doc) -> Doc | None:
        """Date a changed document, and note it for what trails. Returns how it was before, None when it is new."""
        now = self.clock.now()
        doc["updated_at"] = now
        shown = {name: value for name, value in doc.items() if name != "seen"}
        older = [entry for entry in doc["seen"] if entry["at"] <= now - TRAILS_S][-1:]
        recent = [entry for entry in doc["seen"] if entry["at"] > now - TRAILS_S]
        before: Doc | None = doc["seen"][-1]["doc"] if doc["seen"] else None
        doc["seen"] = [*older, *recent, {"at": now, "doc": json.loads(json.dumps(shown))}]
        return before

    def publish_due(self) -> None:
        """Let go live what Reverb has finished processing, as if somebody had looked."""
        for listing in list(self.keep.all("listing").values()):
            self._publish_if_due(listing)

    def publishes(self) -> bool:
        """Return whether anything is being processed."""
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
        """Publishing is asynchronous; what is not complete stays a draft (seen live)."""
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
        """Return what was sent with the SKU as Reverb spells it."""
        spell = rules.SPELLINGS.get(self.settings["spells_sku"])
        return {**body, "sku": spell(str(body["sku"]))} if spell is not None and body.get("sku") else body

    def _refuse_second_sku(self, account: Doc, body: Doc, own: Doc | None) -> None:
        """A SKU may stand on one listing of a shop only (recorded)."""
        sku = body.get("sku")
        if not sku or not self.settings["refuses_second_sku"]:
            return
        taken = [doc for doc in self.mine(account) if doc["sku"] == sku and doc is not own]
        if taken:
            words = f"You already have a listing with the SKU {sku}. Please use a unique SKU."
            raise rules.Refusal(412, {"sku": [words]})


def as_of(doc: Doc, at: float) -> Doc | None:
    """Return a document as it was at a moment, None when it was not there yet."""
    seen = [entry["doc"] for entry in doc["seen"] if entry["at"] <= at]
    return seen[-1] if seen else None
