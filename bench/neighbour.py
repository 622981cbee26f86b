"""Twenty healthy shops beside three in trouble: how much later is stock set to zero?

The store of the first accepts connections and never responds, while twenty sales are due to be deducted from its stock.
The inbox of the second is full of webhooks that cannot be processed. The third has 50,000 products, and its settings
were just saved.

Baseline: the same twenty shops before that. Measured from the store's webhook to the PUT that ends the listing.
"""

from __future__ import annotations

import json
import socket
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import requests

from bench import stack
from bench.report import Result, Row, p, print_result
from bench.urgent import push_stock, seconds_until
from sandbox.stack import ports

HEALTHY, TIMES, WARM, PAUSE_S = 20, 80, 20, 0.25
SALES, POISON, MANY = 20, 200, 50_000
#: Time limit of the setup before the measurement, also on a busy machine.
SETTLES_S = 240.0
#: Bodies that no store should send, though some have.
POISONED = (
    '{"type": "product.updated", "data": {"id": "1", "title": "\\ud800", "variants": [{"id": "1", "sku": "\\u0000"}]}}',
    '{"type": "product.updated", "data": {"id": "2", "updated_at": "0001-01-01T00:00:00Z", "variants": "none"}}',
    '{"type": "product.updated", "data": {"id": "3", "variants": [{"id": "1", "stock": 1e400}, {"id": "1"}]}}',
    '{"type": "stock.updated", "data": {"product_id": {"a": 1}, "items": [{"variant_id": null, "stock": NaN}]}}',
    '{"type": "order.created", "data": [1, 2, 3]}',
)


def main() -> int:
    """Measure alone, then beside them."""
    with silent() as port, stack.up(app=True, reverb="bench.sales", more=_allowed(port)) as bench:
        from bench import shops
        from shops import recheck
        from shops.models import Breaker

        bench.reverb(latency_s=0.05)
        healthy = [shops.shop(number) for number in range(1, HEALTHY + 1)]
        per_shop = (2 * TIMES + WARM) // HEALTHY
        of_each = [shops.products(owner, per_shop) for owner in healthy]
        sales = [(healthy[n % HEALTHY], of_each[n % HEALTHY][n // HEALTHY]) for n in range(2 * TIMES + WARM)]
        hanging, poisoned, saving = (shops.shop(HEALTHY + number) for number in (1, 2, 3))
        sold = shops.products(hanging, SALES)
        push_stock(hanging, sold, stock=1)
        for owner, products in zip(healthy, of_each, strict=True):
            push_stock(owner, products, stock=3)
        shops.products(saving, MANY)
        settle([hanging, *healthy])

        sold_out(bench, sales[:WARM])
        alone = sold_out(bench, sales[WARM : WARM + TIMES])
        hanging.store.address = f"http://{ports.LOOPBACK}:{port}/"
        hanging.store.save()
        buy(bench, hanging, sold)
        poison(poisoned)
        recheck.look_again(saving)
        beside = sold_out(bench, sales[WARM + TIMES :])
        waiting = shops.open_count(hanging)
        reviewed = shops.open_count(saving) > 0
        noticed = Breaker.objects.filter(name__startswith="custom:").exists()
    table: list[Row] = [("ms from webhook to PUT", "p50", "p95", "most")]
    table += [
        (name, *(p(found, n) * 1000 for n in (50, 95, 100))) for name, found in (("alone", alone), ("beside", beside))
    ]
    also = {"the sales of the hanging store still wait": waiting > 0, "the saved settings brought jobs": reviewed}
    also["that it hangs was noticed"] = noticed
    return print_result(Result("neighbour", p(beside, 95) / p(alone, 95), "<= 2", p(alone, 95) * 1000, table, also))


def settle(owners: list[Any]) -> None:
    """Wait until all webhooks of these shops are handed over and all jobs are done."""
    from bench import shops
    from webhooks.models import Delivery

    over = time.monotonic() + SETTLES_S
    while Delivery.objects.filter(shop__in=owners, state=Delivery.State.OPEN).exists():
        if time.monotonic() > over:
            raise TimeoutError("webhooks are still open")
        time.sleep(0.1)
    shops.wait_until_done(owners, seconds=SETTLES_S)


@contextmanager
def silent() -> Iterator[int]:
    """Accept connections and never respond; yield the port."""
    with socket.socket() as door:
        door.bind((ports.LOOPBACK, 0))
        door.listen(100)
        kept: list[socket.socket] = []

        def accept() -> None:
            while True:
                try:
                    kept.append(door.accept()[0])
                except OSError:
                    return

        threading.Thread(target=accept, daemon=True).start()
        yield door.getsockname()[1]
        for one in kept:
            one.close()


def _allowed(port: int) -> dict[str, str]:
    return {"ALLOWED_PRIVATE_HOSTS": f"{ports.LOOPBACK}:{port}"}


def sold_out(bench: stack.Bench, sales: Sequence[tuple[Any, Any]]) -> list[float]:
    """Sell out products in turn; return the seconds until each change reached Reverb."""
    sent: dict[str, float] = {}
    for owner, product in sales:
        sent |= sell_out(owner, product)
        time.sleep(PAUSE_S)
    return seconds_until(bench, sent, lambda method, path: _listing(path) if method == "PUT" else "")


def sell_out(owner: Any, product: Any) -> dict[str, float]:
    """Report a product as sold out; return the time of the report by the number in the SKU."""
    counts = {"product_id": product.store_parent_id, "items": [{"variant_id": product.store_product_id, "stock": 0}]}
    body = json.dumps(
        {"type": "stock.updated", "data": {**counts, "updated_at": datetime.now(UTC).isoformat()}}
    ).encode()
    at = time.time()
    post(owner, f"sold-out-{product.pk}", body).raise_for_status()
    return {product.sku.removeprefix("SKU-"): at}


def post(owner: Any, key: str, body: bytes) -> requests.Response:
    """Post a signed message of a store."""
    from bench import shops
    from shops.platforms.custom import signing

    headers = signing.sign(shops.SECRET, key, datetime.now(UTC), body)
    headers["Authorization"] = f"Bearer {owner.store.token.get_secret_value()}"
    return _session.post(owner.store.webhook_address, data=body, headers=headers, timeout=30)


_session = requests.Session()


def _listing(path: str) -> str:
    return path.split("/")[3].partition("-")[0]


def buy(bench: stack.Bench, owner: Any, products: list[Any]) -> None:
    """Sell each product on Reverb, so that the store's stock must be adjusted."""
    for product in products:
        wish = {"listing": product.sku.removeprefix("SKU-"), "token": owner.reverb.token.get_secret_value()}
        order = requests.post(f"{bench.reverb_url}/_bench/buy", json=wish, timeout=20).json()
        requests.post(f"{owner.reverb.webhook_address}orders/create/", json=order, timeout=20).raise_for_status()


def poison(owner: Any) -> None:
    """Fill a shop's inbox with deliveries that cannot be processed."""
    for number in range(POISON):
        post(owner, f"poison-{number}", POISONED[number % len(POISONED)].encode())


if __name__ == "__main__":
    sys.exit(main())
