"""Three hundred shops, and edits as fast as the machine accepts them: how much later is stock set to zero?

Possible sales are handed over before edits, on their own queue and threads. Baseline: the same without edits. Measured
from the store's webhook to the PUT that ends the listing.
"""

from __future__ import annotations

import json
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

from bench import stack
from bench.neighbour import post, settle, sold_out
from bench.report import Result, Row, p, print_result
from bench.urgent import push_stock

SHOPS, EDITED = 300, 4
TIMES, WARM = 60, 10
#: Clients that post edits, each as soon as the previous response arrives.
CALLERS = 4
#: Seconds of edits before the measurement starts.
AHEAD_S = 10.0


def main() -> int:
    """Measure alone, then under load."""
    with stack.up(app=True) as bench:
        from bench import shops

        bench.reverb(latency_s=0.05)
        owners = [shops.shop(number) for number in range(1, SHOPS + 1)]
        edited = [(owner, one) for owner in owners for one in shops.products(owner, EDITED, start=1_000)]
        selling = owners[: TIMES + WARM]
        sales = [(owner, one) for owner in selling for one in shops.products(owner, 2)]
        for owner, product in sales:
            push_stock(owner, [product], stock=3)
        settle(selling)

        sold_out(bench, sales[::2][:WARM])
        alone = sold_out(bench, sales[::2][WARM:])
        with edits(edited) as posted:
            time.sleep(AHEAD_S)
            before, began = posted[0], time.monotonic()
            flooded = sold_out(bench, sales[1::2][:TIMES])
            rate = (posted[0] - before) / (time.monotonic() - began)
        waiting = _open_deliveries()
    table: list[Row] = [("ms from webhook to PUT", "p50", "p95", "most")]
    table += [
        (name, *(p(found, n) * 1000 for n in (50, 95, 100)))
        for name, found in (("alone", alone), ("in the flood", flooded))
    ]
    table += [("edits a second meanwhile", rate), ("webhooks that wait in the end", waiting)]
    also = {"edits came faster than they were worked off": waiting > SHOPS}
    return print_result(Result("flood", p(flooded, 95) / p(alone, 95), "<= 3", p(alone, 95) * 1000, table, also))


@contextmanager
def edits(products: list[tuple[Any, Any]]) -> Iterator[list[int]]:
    """Post edits of these products, shop by shop, as fast as they are answered; yield the count so far."""
    over, posted = threading.Event(), [0]

    def run(first: int) -> None:
        number = first
        while not over.is_set():
            owner, product = products[(number * EDITED + number // SHOPS) % len(products)]
            post(owner, f"edit-{number}", _edit(product, number))
            posted[0] += 1
            number += CALLERS

    callers = [threading.Thread(target=run, args=(number,), daemon=True) for number in range(CALLERS)]
    for caller in callers:
        caller.start()
    try:
        yield posted
    finally:
        over.set()
        for caller in callers:
            caller.join()


def _edit(product: Any, number: int) -> bytes:
    from bench import shops

    pushed = shops.pushed(product, stock=3)
    pushed["variants"][0]["price"] = f"{100 + number % 900}.00"
    pushed["updated_at"] = datetime.now(UTC).isoformat()
    return json.dumps({"type": "product.updated", "data": pushed}).encode()


def _open_deliveries() -> int:
    from webhooks.models import Delivery

    return Delivery.objects.filter(state=Delivery.State.OPEN).count()


if __name__ == "__main__":
    sys.exit(main())
