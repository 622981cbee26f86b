"""Mass syncs of 2,000, 10,000 and 50,000 products: do time and memory grow faster than the products?

Each is a process of its own, with a shop and a stand-in account of its own, on one database. Time is what a product
takes, without the seconds that a mass sync lets pass before it looks at what was published. Baseline: the smallest one.
`SIZES=2000,10000` measures others.
"""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
from typing import Any

import requests

from bench import stack
from bench.market import CATEGORY
from bench.overhead import FREE
from bench.report import Result, Row, tell

SIZES = [int(size) for size in os.environ.get("SIZES", "2000,10000,50000").split(",")]
BATCH = 1_000


def main() -> int:
    """Measure each size."""
    with stack.up(app=False, more=FREE, reverb="bench.market") as bench:
        found = {size: measured(bench, number, size) for number, size in enumerate([SIZES[0], *SIZES])}
    table: list[Row] = [("products", "ms a product", "of it walk", "plan", "run", "peak MiB", "calls")]
    for size, one in found.items():
        phases = [one[name] * 1000 / size for name in ("walk", "plan", "run")]
        table.append((f"{size:,}", sum(phases), *phases, one["peak"], int(one["calls"])))
    first, last = found[SIZES[0]], found[SIZES[-1]]
    times = [sum(one[name] for name in ("walk", "plan", "run")) / one["size"] for one in (first, last)]
    memory = last["peak"] / first["peak"]
    also = {f"peak memory is flat ({memory:.2f} x)": memory <= 1.15}
    return tell(Result("growth", times[1] / times[0], "<= 1.15", times[0] * 1000, table, also))


def measured(bench: stack.Bench, number: int, size: int) -> dict[str, float]:
    """Return seconds of each phase, peak memory in MiB and calls of one mass sync, in a process of its own."""
    bench.forget_calls()
    command = [sys.executable, "-m", "bench.growth", str(number + 1), str(size), bench.reverb_url]
    told = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
    found: dict[str, float] = json.loads(told.splitlines()[-1])
    return {**found, "calls": float(len(bench.calls())), "size": size}


def one(number: int, size: int, url: str) -> None:
    """Sync a shop; print what it took as JSON."""
    stack.django()
    from django.db import connection

    from bench import mass

    owner = mass.shop(number)
    for start in range(0, size, BATCH):
        found = mass.catalogue(start, min(BATCH, size - start))
        mass.keep(owner, found)
        wish: dict[str, Any] = {"token": f"token-{number}", "listings": mass.listings(found, CATEGORY["uuid"])}
        requests.post(f"{url}/_bench/seed", json=wish, timeout=60).raise_for_status()
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")  # as the database does by itself within a minute
    times = mass.sync(owner)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps({**times, "peak": peak}))


if __name__ == "__main__":
    if len(sys.argv) > 1:
        one(int(sys.argv[1]), int(sys.argv[2]), sys.argv[3])
    else:
        sys.exit(main())
