"""Twenty shops, one with very many jobs and nineteen with ten each: how much later do the small ones finish?

Baseline: the same nineteen without the big one. All workers run the real tasks; Reverb responds after 50 ms.
"""

from __future__ import annotations

import sys
import time

from bench import stack
from bench.report import Result, Row, median, print_result

SMALL, JOBS, MANY = 19, 10, 50_000
ROUNDS = 3
PATIENCE_S = 120


def main() -> int:
    """Measure alone and beside the big one, in turn; compare the medians."""
    with stack.up(app=True) as bench:
        from bench import shops

        bench.reverb(latency_s=0.05)
        small = [shops.shop(number) for number in range(1, SMALL + 1)]
        found = {owner.pk: shops.products(owner, JOBS) for owner in small}
        big = shops.shop(SMALL + 1)
        many = shops.products(big, MANY, price="150.00")

        def once(price: str) -> float:
            for owner in small:
                shops.reprice(owner, price)
            for products in found.values():
                shops.open_jobs(products)
            return shops.wait_until_done(small, seconds=PATIENCE_S)

        once("180.00")  # warm-up
        time.sleep(61)  # these calls leave the minute's window, so that all rounds have the same rate
        alone = [once(f"{200 + number}.00") for number in range(ROUNDS)]
        shops.open_jobs(many)
        time.sleep(3)  # by now it has as many workers as it can get
        beside = [once(f"{300 + number}.00") for number in range(ROUNDS)]
        waiting = shops.open_count(big)
    table: list[Row] = [("seconds until the small ones are done", "median", "of")]
    table += [("alone", median(alone), shown(alone)), ("beside a big one", median(beside), shown(beside))]
    also = {"the big one still had work": waiting > 0}
    return print_result(Result("fairness", median(beside) / median(alone), "<= 2", median(alone), table, also))


def shown(values: list[float]) -> str:
    """Return all values as text."""
    return " ".join(f"{value:.2f}" for value in values)


if __name__ == "__main__":
    sys.exit(main())
