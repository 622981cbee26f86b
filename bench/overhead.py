"""The engine's CPU time per synced product, compared with a bare loop with `requests` that makes the same calls.

The stand-in responds at once, and PostgreSQL and Redis are other processes: only this process is measured. A product
costs one GET, one PUT, and everything that the engine saves and logs. PROFILE=1 prints a profile.
"""

from __future__ import annotations

import cProfile
import os
import pstats
import sys
import time
from collections.abc import Callable
from functools import partial

import requests

from bench import stack
from bench.report import Result, Row, median, print_result

PRODUCTS = 300
ROUNDS = 7
FREE = {"REVERB_READS_PER_MINUTE": "9000000", "REVERB_READS_PER_10_MINUTES": "9000000"}
FREE |= {name.replace("READS", "WRITES"): value for name, value in FREE.items()}
FREE |= {"REVERB_APP_CALLS_PER_MINUTE": "9000000"}


def main() -> int:
    """Measure both in turn, several times."""
    with stack.up(app=False, more=FREE) as bench:
        from bench import shops

        owner = shops.shop(1)
        found = shops.products(owner, PRODUCTS)
        ours, bare = [], []
        for number in range(ROUNDS + 1):
            shops.reprice(owner, f"{200 + number}.00")
            shops.open_jobs(found)
            profile = cProfile.Profile() if os.environ.get("PROFILE") and number == ROUNDS else None
            once = cpu_ms(partial(drain, owner.pk), profile)
            calls = [call for call in bench.calls() if call[3].startswith("/api/listings")]
            assert len(calls) == 2 * PRODUCTS, f"{len(calls)} calls"
            loop = cpu_ms(partial(bare_loop, bench.reverb_url, owner.pk, f"{300 + number}.00"))
            bench.forget_calls()
            if number and not profile:  # the first round is a warm-up, and profiling costs time
                ours.append(once)
                bare.append(loop)
    table: list[Row] = [("CPU a product, ms", "median", "of"), ("bare loop", median(bare), _shown(bare))]
    table.append(("engine", median(ours), _shown(ours)))
    return print_result(Result("overhead", median(ours) / median(bare), "<= 1.5", median(bare), table))


def cpu_ms(work: Callable[[], None], profile: cProfile.Profile | None = None) -> float:
    """Return the milliseconds of CPU that this process spends per product."""
    if profile:
        profile.enable()
    began = time.process_time()
    work()
    took = time.process_time() - began
    if profile:
        profile.disable()
        pstats.Stats(profile).sort_stats("cumulative").print_stats(70)
        pstats.Stats(profile).sort_stats("tottime").print_stats(40)
    return took * 1000 / PRODUCTS


def drain(shop_id: int) -> None:
    """Process all jobs, as a worker's thread does."""
    from listings import tasks
    from listings.models import Job

    while Job.objects.exists():
        tasks.drain(shop_id)


def bare_loop(url: str, shop_id: int, price: str) -> None:
    """Make the same calls, and nothing else."""
    session = requests.Session()
    session.headers.update({"Authorization": "Bearer x", "Accept": "application/hal+json", "Accept-Version": "3.0"})
    first = shop_id * 1_000_000
    for number in range(first, first + PRODUCTS):
        listing = session.get(f"{url}/api/listings/{number}", timeout=20).json()
        body = {"price": {"amount": price, "currency": "USD"}}
        assert listing["price"]["amount"] != price
        session.put(f"{url}/api/listings/{number}", json=body, timeout=20).json()


def _shown(values: list[float]) -> str:
    return " ".join(f"{value:.2f}" for value in values)


if __name__ == "__main__":
    sys.exit(main())
