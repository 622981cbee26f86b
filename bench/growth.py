"""Mass syncs of 2,000, 10,000 and 50,000 products: do time and memory grow faster than the products?

Each runs in its own process, with its own shop and stand-in account, on one database that fills up. The time is per
product, without the seconds that a mass sync waits before it checks what was published. Baseline: the smallest one,
before and after the others. SIZES=2000,10000 sets other sizes; with MIX=many, 36 of 100 products are written instead of
8.
"""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import time
from typing import Any

import requests

from bench import stack
from bench.market import CATEGORY
from bench.overhead import FREE
from bench.report import Result, Row, median, print_result
from sandbox.stack.parent import dying_with_us

SIZES = [int(size) for size in os.environ.get("SIZES", "2000,10000,50000").split(",")]
MIX = os.environ.get("MIX", "few")
BATCH = 1_000
PHASES = ("fetch", "plan", "run")
Found = dict[str, float]


def main() -> int:
    """Measure each size, the smallest one several times; the very first run is a warm-up."""
    first, last = SIZES[0], SIZES[-1]
    with stack.up(app=False, more=FREE, reverb="bench.market") as bench:
        found = [measured(bench, number, size) for number, size in enumerate([first, first, *SIZES, first], 1)][1:]
    smallest = [one for one in found if one["size"] == first]
    base = {name: median([one[name] for one in smallest]) for name in found[0]}
    others = [one for one in found if one["size"] != first]
    table: list[Row] = [
        (f"products ({MIX} written)", "ms a product", "fetch", "plan", "run", "CPU", "peak MiB", "calls")
    ]
    table += [row(one) for one in (base, *others)]
    most = next((one for one in others if one["size"] == last), base)
    memory = most["peak"] / base["peak"]
    also = {f"peak memory is flat ({memory:.2f} x)": memory <= 1.15}
    return print_result(Result("growth", each(most) / each(base), "<= 1.15", each(base), table, also))


def row(one: Found) -> Row:
    """Return a row of the table."""
    phases = [one[name] * 1000 / one["size"] for name in (*PHASES, "cpu")]
    return f"{one['size']:,.0f}", each(one), *phases, one["peak"], int(one["calls"])


def each(one: Found) -> float:
    """Return the milliseconds per product."""
    return sum(one[name] for name in PHASES) * 1000 / one["size"]


def measured(bench: stack.Bench, number: int, size: int) -> Found:
    """Return the seconds of each phase, peak memory in MiB and calls of one mass sync in its own process."""
    bench.forget_calls()
    command = dying_with_us([sys.executable, "-m", "bench.growth", str(number), str(size), bench.reverb_url])
    output = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
    found: Found = json.loads(output.splitlines()[-1])
    return {**found, "calls": float(len(bench.calls())), "size": size}


def one(number: int, size: int, url: str) -> None:
    """Sync a shop and print its times as JSON."""
    stack.django()
    from django.db import connection

    from bench import mass

    owner = mass.shop(number)
    mix = {"few": mass.FEW, "many": mass.MANY}[MIX]
    for start in range(0, size, BATCH):
        found = mass.catalogue(start, min(BATCH, size - start))
        mass.keep(owner, found)
        wish: dict[str, Any] = {"token": f"token-{number}", "listings": mass.listings(found, CATEGORY["uuid"], mix)}
        requests.post(f"{url}/_bench/seed", json=wish, timeout=60).raise_for_status()
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")  # as autovacuum does within a minute
    before = time.process_time()
    times = mass.sync(owner)
    cpu = time.process_time() - before
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps({**times, "peak": peak, "cpu": cpu}))


if __name__ == "__main__":
    if len(sys.argv) > 1:
        one(int(sys.argv[1]), int(sys.argv[2]), sys.argv[3])
    else:
        sys.exit(main())
