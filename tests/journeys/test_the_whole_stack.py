"""The whole app with real web server, workers, scheduler and stand-ins: webhooks in, listings out, whatever dies."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import os
import signal
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import psutil
import psycopg2
import pytest
import redis
import requests

from sandbox.stack import demo
from sandbox.stack.check import ANY_PORTS
from sandbox.stack.demo import Demo

pytestmark = pytest.mark.live


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    """Run the demo on services of its own."""
    folder = tmp_path_factory.mktemp("whole")
    for path in (folder, *list(folder.parents)[:2]):
        path.chmod(0o755)  # the database server may run as a user of its own
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("DATABASE_URL")
        patch.delenv("REDIS_URL")
        with demo.up(folder / "demo", "shopify", preferred=ANY_PORTS) as up:
            yield up


def one_with(up: Demo, number: int) -> tuple[str, int]:
    """Return SKU and variant id of a listed product of the catalogue."""
    listed = up.at_reverb("/my/listings", per_page=50)["listings"]
    sku = listed[number]["sku"]
    [found] = up.at_store("GET", f"/products?sku={sku}")
    return str(sku), int(found["variants"][0]["id"])


def listings(up: Demo, sku: str) -> list[dict[str, Any]]:
    """Return the listings with a SKU, each as its own address shows it."""
    rows = up.at_reverb("/my/listings", sku=sku, state="all")["listings"]
    return [up.at_reverb(f"/listings/{row['id']}") for row in rows]


def arrives(up: Demo, number: int, price: str) -> None:
    """Change a price in the store and see it on Reverb."""
    sku, variant = one_with(up, number)
    sent = len(up.at_store("GET", "/deliveries"))
    up.at_store("PUT", f"/variants/{variant}", {"price": price})
    over = time.monotonic() + 20
    while len(up.at_store("GET", "/deliveries")) == sent:  # the store sends in its own time
        assert time.monotonic() < over
    up.stack.manage("queue", "wait", "--timeout", "60")
    assert [row["price"]["amount"] for row in listings(up, sku)] == [price]


def test_an_edit_in_the_store_comes_by_webhook_and_goes_to_reverb(whole: Demo) -> None:
    arrives(whole, 0, "1234.00")


def test_the_same_webhook_fifty_times_at_once_is_one_delivery_and_one_listing(whole: Demo) -> None:
    row = {"sku": "FIFTY", "price": "10.00", "inventory_quantity": 1, "barcode": "885978110803"}
    [before] = whole.at_store("GET", "/shops")
    whole.at_store("POST", "/shops", {"domain": whole.stand_in.domain, "webhooks": []})
    wish = {"domain": whole.stand_in.domain, "title": "Fifty", "variants": [row]}
    product = whole.at_store("POST", "/products", wish)
    kept = json.loads((whole.stack.data / "demo.json").read_text())
    body = json.dumps({"id": product["id"]}).encode()
    digest = hmac.new(whole.stand_in.secret(kept["seed"]).encode(), body, hashlib.sha256).digest()
    headers = {
        "Content-Type": "application/json",
        "X-Shopify-Topic": "products/create",
        "X-Shopify-Webhook-Id": "the-same",
        "X-Shopify-Hmac-Sha256": base64.b64encode(digest).decode(),
    }
    [shop] = json.loads(whole.stack.manage("shop", "list"))

    def post(_: int) -> int:
        return requests.post(shop["webhooks"]["store"], data=body, headers=headers, timeout=30).status_code

    with ThreadPoolExecutor(50) as pool:
        assert set(pool.map(post, range(50))) == {200}
    whole.stack.manage("queue", "wait", "--timeout", "60")
    assert len(listings(whole, "FIFTY")) == 1
    whole.at_store("POST", "/shops", before)


def sold(up: Demo, number: int) -> str:
    """Let somebody buy on Reverb a listing that nobody has touched yet; returns the order's number."""
    listing = up.at_reverb("/my/listings", per_page=50)["listings"][number]["id"]
    answer = requests.post(f"{up.reverb_web}/_control/buy", json={"listing_id": listing}, timeout=30)
    return str(answer.json()["order_number"])


def known(up: Demo, number: str, *, seconds: float) -> bool:
    """Return whether an order is known within some seconds."""
    over = time.monotonic() + seconds
    with psycopg2.connect(up.stack.environment["DATABASE_URL"]) as line, line.cursor() as cursor:
        while time.monotonic() < over:
            cursor.execute("SELECT count(*) FROM listings_order WHERE number = %s", [number])
            if cursor.fetchone() == (1,):
                return True
            line.rollback()
            time.sleep(0.05)
    return False


def test_a_sale_on_reverb_is_known_as_soon_as_reverb_calls(whole: Demo) -> None:
    registered = requests.get(f"{whole.reverb_web}/_control/registrations", timeout=30).json()
    assert {"orders/create", "orders/update", "listings/update"} <= {row["topic"] for row in registered}
    assert known(whole, sold(whole, 10), seconds=10)


def test_without_a_call_a_sale_is_known_a_little_later(whole: Demo) -> None:
    requests.post(f"{whole.reverb_web}/_control/settings", json={"drop_every": 1}, timeout=30)
    number = sold(whole, 11)
    with psycopg2.connect(whole.stack.environment["DATABASE_URL"]) as line, line.cursor() as cursor:
        cursor.execute("UPDATE shops_reverbconnection SET orders_due_at = now()")  # the minutes have passed
    assert known(whole, number, seconds=20)
    requests.post(f"{whole.reverb_web}/_control/settings", json={"drop_every": 0}, timeout=30)


def test_an_emptied_redis_loses_nothing(whole: Demo) -> None:
    with redis.Redis.from_url(whole.stack.environment["REDIS_URL"]) as client:
        client.flushall()
    arrives(whole, 1, "2345.00")


def test_killed_workers_come_back_and_do_the_work(whole: Demo) -> None:
    workers = [child for child in psutil.Process().children(recursive=True) if "worker" in child.cmdline()]
    assert workers
    for worker in workers:
        os.kill(worker.pid, signal.SIGKILL)
    arrives(whole, 2, "3456.00")
