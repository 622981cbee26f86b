"""How much of Reverb's rate limit is used: a stand-in that enforces it, a busy account, a minute of writes.

Baseline, in parallel on its own account: loops that call as fast as they can and wait after a 429.
"""

from __future__ import annotations

import sys
import threading
import time

import requests

from bench import stack
from bench.report import Result, Row, print_result

WRITES, WINDOW_S = 600, 60.0
LIMITS = {"reads": [2000, 10_000], "writes": [WRITES, 3000]}
PRODUCTS, LOOPS = 900, 4


def main() -> int:
    """Measure one minute from the first write."""
    with stack.up(app=True) as bench:
        from bench import shops

        bench.reverb(latency_s=0.1, limits=LIMITS)
        owner = shops.shop(1)
        found = shops.products(owner, PRODUCTS, price="150.00")
        over = threading.Event()
        shops.open_jobs(found)
        for _ in range(LOOPS):
            threading.Thread(target=naive, args=(bench.reverb_url, over), daemon=True).start()
        time.sleep(WINDOW_S + 10)
        over.set()
        calls = bench.calls()
    ours, theirs = counted(calls, "token-1"), counted(calls, "naive")
    table: list[Row] = [("writes in the first 60 s", "taken", "of 100 permitted", "429")]
    table += [(name, taken, 100 * taken / WRITES, refused) for name, (taken, refused) in rows(ours, theirs)]
    also = {"no 429 beyond the first probe": ours[1] <= 1}
    return print_result(Result("rate_limit", ours[0] / WRITES, ">= 0.95", theirs[0] / WRITES, table, also))


def rows(ours: tuple[int, int], theirs: tuple[int, int]) -> list[tuple[str, tuple[int, int]]]:
    """Return the rows of the table."""
    return [("loops that wait when asked to", theirs), ("engine", ours)]


def counted(calls: list[list[object]], token: str) -> tuple[int, int]:
    """Return how many writes were accepted in the first minute, and how many calls got 429."""
    mine = [(float(str(at)), method, status) for at, account, method, _, status in calls if account == token]
    writes = [(at, status) for at, method, status in mine if method == "PUT"]
    first = min(at for at, _ in writes)
    taken = sum(status == 200 and at < first + WINDOW_S for at, status in writes)
    return taken, sum(status == 429 for _, _, status in mine)


def naive(url: str, over: threading.Event) -> None:
    """Write as fast as possible; after a 429 wait for as long as it says."""
    session = requests.Session()
    session.headers["Authorization"] = "Bearer naive"
    while not over.is_set():
        answer = session.put(f"{url}/api/listings/7", json={"title": "x"}, timeout=20)
        if answer.status_code == 429:
            over.wait(float(answer.headers["Retry-After"]))


if __name__ == "__main__":
    sys.exit(main())
