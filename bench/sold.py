"""The last unit sold on Reverb while ten mass syncs run: from Reverb's webhook to the store's stock at zero.

Baseline: the same with nothing else running. The webhook is posted to the real server; its shop has its own mass sync.
"""

from __future__ import annotations

import sys
import time
from typing import Any

import requests

from bench import stack
from bench.report import Result, Row, p, print_result
from bench.urgent import MANY, PATIENCE_S, SYNCS, TIMES, WARM, push_stock, seconds_until

#: Limits when idle: the median, and the 95th percentile, in seconds.
HALF_S, NEARLY_ALL_S = 1.0, 3.0
#: A custom store is called at most twice a second (shops/platforms/custom/client.py).
PAUSE_S = 0.7


def main() -> int:
    """Measure idle, then beside the mass syncs."""
    with stack.up(app=True, reverb="bench.sales") as bench:
        from bench import shops

        bench.reverb(latency_s=0.05)
        owners = [shops.shop(number) for number in range(1, SYNCS + 1)]
        owners[0].store.address = f"{bench.reverb_url}/_store/"
        owners[0].store.save()
        last = shops.products(owners[0], 2 * TIMES + WARM)
        masses = [shops.products(owner, MANY, price="150.00", start=100_000) for owner in owners]
        push_stock(owners[0], last, stock=1)
        shops.wait_until_done([owners[0]], seconds=PATIENCE_S)
        sold(bench, owners[0], last[:WARM])
        idle = sold(bench, owners[0], last[WARM : WARM + TIMES])
        for mass in masses:
            shops.open_jobs(mass)
        time.sleep(5)
        busy = sold(bench, owners[0], last[WARM + TIMES :])
        left = min(shops.open_count(owner) for owner in owners)
    table: list[Row] = [("ms from webhook to the store", "p50", "p95", "most")]
    table += [(name, *(p(found, n) * 1000 for n in (50, 95, 100))) for name, found in (("idle", idle), ("busy", busy))]
    soon = p(idle, 50) <= HALF_S and p(idle, 95) <= NEARLY_ALL_S
    also = {"idle half within a second, 95 of 100 within three": soon, "all mass syncs still ran": left > 0}
    return print_result(Result("sold", p(busy, 95) / p(idle, 95), "<= 2", p(idle, 95) * 1000, table, also))


def sold(bench: stack.Bench, owner: Any, products: list[Any]) -> list[float]:
    """Sell the products on Reverb one by one; return the seconds until each sale reached the store."""
    session, token = requests.Session(), owner.reverb.token.get_secret_value()
    address = f"{owner.reverb.webhook_address}orders/create/"
    sold_at: dict[str, float] = {}
    for product in products:
        wish = {"listing": product.sku.removeprefix("SKU-"), "token": token}
        order = session.post(f"{bench.reverb_url}/_bench/buy", json=wish, timeout=20).json()
        sold_at[product.store_parent_id] = time.time()
        session.post(address, json=order, timeout=20).raise_for_status()
        time.sleep(PAUSE_S)
    return seconds_until(bench, sold_at, lambda kind, product: product if kind == "stock.adjust" else "")


if __name__ == "__main__":
    sys.exit(main())
