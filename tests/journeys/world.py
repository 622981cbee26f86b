"""A world to run stories in: the stand-in Reverb and store as real processes, and our engine between them.

Our clock is moved by the story, so that nothing sleeps to be right; the stand-ins' clocks are moved along.
"""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import requests
from django.db import connection as db

from listings.intake import refresh
from listings.models import Job, Listing, Product
from listings.queue import jobs
from listings.sync.attempt import attempt
from reverbsync import clock
from reverbsync.redis import connection
from sandbox.stack import ports
from sandbox.stack.parent import dying_with_us
from sandbox.stack.stores import STORES
from sandbox.stack.stores import StandIn as Platform
from shops import lifecycle, reverb_connection, store_connection
from shops.events import ProductChanged, ProductDeleted
from shops.models import Shop, SyncSettings
from shops.platforms import PLATFORMS
from synclog.models import Entry
from tests.people import olivia

SHOPIFY = STORES["shopify"]
DOMAIN = SHOPIFY.domain


@contextmanager
def running(module: str) -> Iterator[str]:
    """Run a stand-in without a file of its own; yields its address."""
    port = ports.free(0)
    url = f"http://{ports.LOOPBACK}:{port}"
    command = [sys.executable, "-m", "gunicorn", f"{module}:application", "--worker-class", "gthread"]
    options = f"--threads 8 --bind {ports.LOOPBACK}:{port} --log-level critical --no-control-socket"
    process = subprocess.Popen(
        dying_with_us([*command, *options.split()]), env={"PATH": "/usr/bin:/bin", "SANDBOX_URL": url}
    )
    over = time.monotonic() + 20
    try:
        while time.monotonic() < over:
            try:
                requests.get(f"{url}/_control/settings", timeout=5)
                break
            except requests.RequestException:
                time.sleep(0.05)
        yield url
    finally:
        process.terminate()
        process.wait(10)


class StandIn:
    """The control address of a stand-in."""

    def __init__(self, url: str) -> None:
        self.url = url

    def ask(self, method: str, path: str, body: Any = None, **query: Any) -> Any:
        """Call it."""
        answer = requests.request(method, f"{self.url}/_control{path}", json=body, params=query, timeout=10)
        answer.raise_for_status()
        return answer.json()

    def fault(self, kind: str, **wish: Any) -> None:
        """Ask for a fault."""
        self.ask("POST", "/faults", {"kind": kind, **wish})

    def calls(self, method: str = "", path: str = "") -> list[dict[str, Any]]:
        """Return the API calls so far, those of a method and with a path alone if asked."""
        found = self.ask("GET", "/requests")
        return [call for call in found if method in ("", call["method"]) and path in call["path"]]


class World:
    """One shop between the two."""

    def __init__(self, reverb: StandIn, store: StandIn, token: str, kind: Platform = SHOPIFY) -> None:
        self.reverb, self.store, self.token, self.domain = reverb, store, token, kind.domain
        self.now = datetime.now(UTC)
        reverb.ask("POST", "/reset")
        reverb.ask("POST", "/accounts", {"token": token})
        store.ask("DELETE", "/faults")
        keys = PLATFORMS[kind.kind].keys(kind.token(token), "s")
        wish = {"domain": kind.domain, "token": keys.token.get_secret_value(), "secret": "s", "webhooks": []}
        store.ask("POST", "/shops", wish)
        connection().flushdb()
        self.shop: Shop = lifecycle.create_shop(olivia(), "Guitars")
        store_connection.connect_store(self.shop, platform=kind.kind, address=kind.address(store.url), keys=keys)
        reverb_connection.connect_reverb(self.shop, token)
        self.shop = Shop.objects.select_related("store", "reverb", "sync_settings").get(pk=self.shop.pk)
        reverb.ask("DELETE", "/requests")

    # -- the seller ------------------------------------------------------------------------------------------

    def set(self, **settings: Any) -> None:
        """Change settings of the shop."""
        SyncSettings.objects.filter(shop=self.shop).update(**settings)
        self.shop.sync_settings.refresh_from_db()

    def product(self, sku: str = "A1", **wish: Any) -> dict[str, Any]:
        """Make a product in the store, and receive it."""
        row = {"sku": sku, "price": "500.00", "inventory_quantity": 3, "barcode": "885978110803"}
        row.update({name: wish.pop(name) for name in list(wish) if name in {*row, "tracked"}})
        body = {
            "domain": self.domain,
            "title": "Fender Strat",
            "vendor": "Fender",
            "product_type": "Electric Guitars / Solid Body",
            "description_html": "<p>Nice</p>",
            "images": ["http://store.test/1.jpg"],
            **wish,
            "variants": [row],
        }
        made: dict[str, Any] = self.store.ask("POST", "/products", body)
        self.receive(made)
        return made

    def used(self, sku: str = "U1", **wish: Any) -> dict[str, Any]:
        """Make a used one-off."""
        tags = ["condition: Very Good"]
        return self.product(sku, **{"inventory_quantity": 1, "barcode": "", "tags": tags, **wish})

    def edit(self, product: dict[str, Any], **wish: Any) -> None:
        """Change a product or its variant in the store, and receive it."""
        of_variant = {
            name: wish.pop(name) for name in ("price", "sku", "barcode", "inventory_quantity") if name in wish
        }
        if of_variant:
            self.store.ask("PUT", f"/variants/{product['variants'][0]['id']}", of_variant)
        if wish:
            self.store.ask("PUT", f"/products/{product['id']}", wish)
        self.receive(product)

    def delete(self, product: dict[str, Any]) -> None:
        """Delete a product in the store, and receive it."""
        self.store.ask("DELETE", f"/products/{product['id']}")
        refresh.take(self.shop, {ProductDeleted(str(product["id"])): "test"})

    def receive(self, product: dict[str, Any]) -> None:
        """Receive that something of a product is new."""
        failed = refresh.take(self.shop, {ProductChanged(str(product["id"])): "test"})
        assert not failed

    def stock(self, product: dict[str, Any]) -> int:
        """Return the stock of a product's only variant, as the store has it."""
        [found] = [one for one in self.store.ask("GET", "/products") if one["id"] == product["id"]]
        return int(found["variants"][0]["inventory_quantity"])

    def at_reverb(self, method: str, path: str, body: Any = None) -> Any:
        """Call Reverb as the seller does from its own site."""
        headers = {"Authorization": f"Bearer {self.token}", "Accept-Version": "3.0"}
        answer = requests.request(method, f"{self.reverb.url}/api{path}", json=body, headers=headers, timeout=10)
        answer.raise_for_status()
        return answer.json()

    # -- our workers -----------------------------------------------------------------------------------------

    def step(self) -> bool:
        """Make one attempt if a job is due."""
        taken = jobs.claim(self.shop.pk, now=self.now)
        if taken is not None:
            attempt(taken)
        return taken is not None

    def wait(self, seconds: float) -> None:
        """Let time pass here and there."""
        self.now += timedelta(seconds=seconds)
        self.reverb.ask("POST", "/clock", {"advance_s": seconds})
        for key in connection().keys("ratelimit:*"):
            connection().delete(key)

    def settle(self, limit: int = 40, beside: World | None = None) -> None:
        """Work and wait until nothing is open. `beside`: another shop of the story, at whose work it is, too."""
        for _ in range(limit):
            if beside is not None:
                beside.now = self.now
            while self.step() or (beside is not None and beside.step()):
                pass
            due = Job.objects.filter(blocked=False).order_by("due_at").values_list("due_at", flat=True).first()
            if due is None:
                return
            self.wait(max(0.1, (due - self.now).total_seconds()))
        raise AssertionError("it never settles")

    # -- what came of it -------------------------------------------------------------------------------------

    def listing(self, sku: str = "A1") -> dict[str, Any]:
        """Return the one listing with this SKU, as Reverb has it."""
        [found] = self.reverb.ask("GET", "/listings", sku=sku)
        return dict(found)

    def entries(self) -> list[str]:
        """Return the reasons of all entries, oldest first."""
        return list(Entry.objects.filter(shop=self.shop).order_by("id").values_list("reason", flat=True))

    def last(self) -> Entry:
        """Return the newest entry."""
        found = Entry.objects.filter(shop=self.shop).order_by("-id").first()
        assert found is not None
        return found

    def writes(self) -> list[dict[str, Any]]:
        """Return the writes to Reverb so far."""
        return [call for call in self.reverb.calls() if call["method"] != "GET"]

    def known(self, sku: str = "A1") -> Listing:
        """Return what we know of the listing."""
        return Listing.objects.get(shop=self.shop, sku=sku)

    def waits_for(self, sku: str = "A1") -> str:
        """Return what the product waits for."""
        return Product.objects.get(shop=self.shop, sku=sku).waits_for


def elsewhere(work: Callable[[], object]) -> None:
    """Let another worker do something, with a database connection of its own."""

    def run() -> None:
        try:
            work()
        finally:
            db.close()

    thread = threading.Thread(target=run)
    thread.start()
    thread.join(60)
    assert not thread.is_alive()


@contextmanager
def at(world: World) -> Iterator[World]:
    """Let our clock be the story's while the block runs."""
    with clock.running_by(lambda: world.now):
        yield world
