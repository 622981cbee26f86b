"""A connected store of each platform, with its stand-in as a real process."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from pytest_django.fixtures import Settings

from reverbsync.redis import connection as redis
from sandbox.stack import ports
from sandbox.stack.stores import STORES, StandIn
from shops import lifecycle, store_connection
from shops.models import Shop, StoreConnection
from shops.platforms import PLATFORMS, Platform, StoreClient
from shops.platforms.errors import Unreadable
from shops.platforms.values import Keys
from shops.snapshots import StoreProduct
from tests.journeys.world import StandIn as Control
from tests.journeys.world import running
from tests.people import olivia


@dataclass
class Call:
    """One webhook as it arrived."""

    headers: dict[str, str]
    body: bytes


@dataclass
class Receiver:
    """Takes webhooks and keeps them; `status` is what it answers."""

    url: str
    calls: list[Call] = field(default_factory=list)
    status: int = 200


@dataclass
class Store:
    """A store, as a test sees it: from the inside (`control`) and through the platform's room."""

    stand_in: StandIn
    platform: Platform
    control: Control
    shop: Shop
    hooks: Receiver

    @property
    def connection(self) -> StoreConnection:
        """The connection as it is saved now."""
        return StoreConnection.objects.get(shop=self.shop)

    @property
    def client(self) -> StoreClient:
        """A new client."""
        return self.platform.client(self.connection)

    def product(self, sku: str = "A1", **wish: Any) -> dict[str, Any]:
        """Make a product with one variant, or with those that are given."""
        row = {"sku": sku, "price": "849.90", "inventory_quantity": 3, "barcode": "885978110803"}
        body = {
            "domain": self.stand_in.domain,
            "title": "Fender Strat",
            "vendor": "Fender",
            "product_type": "Electric Guitars / Solid Body",
            "description_html": "<p>Nice</p>",
            "tags": ["used"],
            "images": ["http://store.test/1.jpg", "http://store.test/2.jpg"],
            "variants": [row],
            **wish,
        }
        made: dict[str, Any] = self.control.ask("POST", "/products", body)
        self.receive()
        return made

    def set(self, product: dict[str, Any], **wish: Any) -> None:
        """Change a product's only variant from the inside."""
        self.control.ask("PUT", f"/variants/{product['variants'][0]['id']}", wish)
        self.receive()

    def units(self) -> list[StoreProduct]:
        """Return the whole catalogue."""
        self.receive()
        found: list[StoreProduct] = []
        cursor: str | None = ""
        client = self.client
        while cursor is not None:
            page = client.crawl(cursor)
            found += page.products
            cursor = page.next
        return found

    def unit(self, sku: str = "A1") -> StoreProduct:
        """Return the one product with a SKU."""
        [found] = [one for one in self.units() if one.sku == sku]
        return found

    def stock(self, sku: str = "A1") -> int:
        """Return what the store itself says of its stock."""
        [doc] = self.control.ask("GET", "/products", sku=sku)
        return next(int(row["inventory_quantity"]) for row in doc["variants"] if row["sku"] == sku)

    def receive(self) -> None:
        """Take in what a store that cannot be asked has pushed so far."""
        if not self.platform.push_only:
            return
        wait_for(self._all_arrived)
        for call in self.hooks.calls:
            envelope = self.platform.envelope(call.body, call.headers)
            try:
                self.platform.events(envelope.topic, call.body, self.connection)
            except Unreadable as error:
                raise AssertionError(call.body) from error

    def _all_arrived(self) -> bool:
        sent: int = self.control.ask("GET", "/settings").get("sent", 0)
        return len(self.control.ask("GET", "/deliveries")) >= sent


def wait_for(happened: Any, *, seconds: float = 10.0) -> None:
    """Wait until something outside has happened; the time is a limit, not a delay."""
    over = threading.Event()
    timer = threading.Timer(seconds, over.set)
    timer.start()
    try:
        while not happened():
            assert not over.wait(0.02), "it did not happen"
    finally:
        timer.cancel()


@pytest.fixture(scope="session")
def receiver_process() -> Iterator[Receiver]:
    """Run a server that takes webhooks."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            made.calls.append(Call(dict(self.headers.items()), body))
            self.send_response(made.status)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer((ports.LOOPBACK, 0), Handler)
    server.daemon_threads = True
    made = Receiver(f"http://{ports.LOOPBACK}:{server.server_port}/hook")
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield made
    server.shutdown()
    server.server_close()


@pytest.fixture(scope="session")
def processes() -> Iterator[dict[str, Control]]:
    """Run each stand-in store when it is first wanted."""
    with ExitStack() as up:

        class Started(dict[str, Control]):
            def __missing__(self, module: str) -> Control:
                self[module] = Control(up.enter_context(running(module)))
                return self[module]

        yield Started()


@pytest.fixture(params=sorted(PLATFORMS))
def store(
    request: pytest.FixtureRequest,
    processes: dict[str, Control],
    receiver_process: Receiver,
    settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
    db: None,
) -> Store:
    """Return an empty, connected store of each platform."""
    stand_in = STORES[request.param]
    control = processes[stand_in.module]
    for name, value in stand_in.environment(control.url).items():
        setattr(settings, name, [value] if name == "ALLOWED_PRIVATE_HOSTS" else value)
    monkeypatch.setattr("reverbsync.ratelimit.budget.BURST_SHARE", 50.0)  # the rate limiter has tests of its own
    redis().flushdb()
    receiver_process.calls.clear()
    receiver_process.status = 200
    seed = "contract"
    token, secret = stand_in.token(seed), stand_in.secret(seed)
    control.ask("POST", "/reset")
    if stand_in.kind in ("shopify", "bigcommerce"):  # what happens at their limits has tests of its own
        control.ask("POST", "/limits", {"size": 100_000, "restore": 100_000, "calls": 100_000})
    control.ask(
        "POST",
        "/shops",
        {
            "domain": stand_in.domain,
            "token": token,
            "secret": secret,
            "name": "Demo Guitars",
            "hook": receiver_process.url,
        },
    )
    shop = lifecycle.create_shop(olivia(), "Guitars")
    platform = PLATFORMS[request.param]
    store_connection.connect_store(
        shop,
        platform=request.param,
        address=stand_in.address(control.url),
        keys=platform.keys(token, secret),
    )
    return Store(stand_in, platform, control, shop, receiver_process)


def wrong(keys: Keys) -> Keys:
    """Return keys that no store takes, of the same form."""
    token = keys.token.get_secret_value()
    return Keys(token[:-4] + "0000", keys.secret.get_secret_value())
