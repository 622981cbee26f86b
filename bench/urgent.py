"""Stock to zero while ten mass syncs run: from the webhook to the PUT that ends the listing.

Baseline: the same with nothing else running. The webhook is a real, signed one on the real server; its shop has its own
mass sync.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import requests

from bench import stack
from bench.report import Result, Row, p, print_result

SYNCS, MANY = 10, 3_000
TIMES, WARM, PAUSE_S = 40, 5, 0.4
PATIENCE_S = 60.0


def main() -> int:
    """Measure idle, then beside the mass syncs."""
    with stack.up(app=True) as bench:
        from bench import shops

        bench.reverb(latency_s=0.05)
        owners = [shops.shop(number) for number in range(1, SYNCS + 1)]
        urgent = shops.products(owners[0], 2 * TIMES + WARM)
        masses = [shops.products(owner, MANY, price="150.00", start=100_000) for owner in owners]
        sold_out(bench, owners[0], urgent[:WARM])
        idle = sold_out(bench, owners[0], urgent[WARM : WARM + TIMES])
        for mass in masses:
            shops.open_jobs(mass)
        time.sleep(5)
        before = len(bench.calls())
        began = time.monotonic()
        busy = sold_out(bench, owners[0], urgent[WARM + TIMES :])
        rate = (len(bench.calls()) - before) / (time.monotonic() - began)
        left = min(shops.open_count(owner) for owner in owners)
    table: list[Row] = [("ms from webhook to PUT", "p50", "p95", "most")]
    table += [(name, *(p(found, n) * 1000 for n in (50, 95, 100))) for name, found in (("idle", idle), ("busy", busy))]
    table.append(("calls a second meanwhile", rate))
    also = {"all mass syncs still ran": left > 0}
    return print_result(Result("urgent", p(busy, 95) / p(idle, 95), "<= 2", p(idle, 95) * 1000, table, also))


def sold_out(bench: stack.Bench, owner: Any, products: list[Any]) -> list[float]:
    """Sell out the products in the store one by one; return the seconds until each change reached Reverb."""
    sent = push_stock(owner, products, stock=0, pause_s=PAUSE_S)
    return seconds_until(bench, sent, lambda method, path: _listing(path) if method == "PUT" else "")


def seconds_until(bench: stack.Bench, sent: dict[str, float], about: Callable[[str, str], str]) -> list[float]:
    """Wait for the call that follows each event; return the seconds until the first one for each.

    `about` returns, for a call's method and path, the event that it follows, or "" for none. Raises TimeoutError.
    """
    over = time.monotonic() + PATIENCE_S
    while True:
        arrived = {about(method, path): at for at, _, method, path, _ in reversed(bench.calls())}
        if sent.keys() <= arrived.keys():
            return [arrived[key] - at for key, at in sent.items()]
        if time.monotonic() > over:
            raise TimeoutError(f"nothing followed on {len(sent.keys() - arrived.keys())}")
        time.sleep(0.5)


def _listing(path: str) -> str:
    return path.split("/")[3].partition("-")[0]


def push_stock(owner: Any, products: list[Any], *, stock: int, pause_s: float = 0.0) -> dict[str, float]:
    """Push each product's stock from the store; return when it was pushed, by the number in the SKU."""
    from bench import shops
    from shops.platforms.custom import signing

    session = requests.Session()
    sent: dict[str, float] = {}
    for product in products:
        body = json.dumps({"type": "product.updated", "data": shops.pushed(product, stock=stock)}).encode()
        headers = signing.sign(shops.SECRET, f"{product.pk}-{time.time()}", datetime.now(UTC), body)
        headers["Authorization"] = f"Bearer {owner.store.token.get_secret_value()}"
        sent[product.sku.removeprefix("SKU-")] = time.time()
        session.post(owner.store.webhook_address, data=body, headers=headers, timeout=20).raise_for_status()
        time.sleep(pause_s)
    return sent


if __name__ == "__main__":
    sys.exit(main())
