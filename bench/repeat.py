"""Calls of a mass sync when nothing changed since the previous one: the pages, and nothing else.

Like bench/calls.py, but the first mass sync has run. Baseline: Reverb's own recipe, two calls a product.
"""

from __future__ import annotations

import sys
from collections import Counter

from bench import strict
from bench.report import Result, Row, print_result

PRODUCTS, RECIPE = 5_000, 2.0


def main() -> int:
    """Count the calls of the second one."""
    with strict.up() as reverb:
        from bench import mass
        from listings.models import Line, MassSync

        found = mass.catalogue(0, PRODUCTS)
        owner = strict.owner(reverb)
        reverb.seed(mass.listings(found, reverb.category(), mass.FEW), token="token-1")
        mass.keep(owner, found)
        mass.sync(owner)
        reverb.forget_calls()
        mass.sync(owner)
        calls = reverb.calls("token-1")
        second = MassSync.objects.latest("pk")
        same = Line.objects.filter(sync=second, kind=Line.Kind.NOTHING).count()
    table: list[Row] = [("calls", "all", "a product"), ("recipe", round(RECIPE * PRODUCTS), RECIPE)]
    table.append(("mass sync again", len(calls), len(calls) / PRODUCTS))
    table += [(f"  {name}", count, count / PRODUCTS) for name, count in Counter(calls).most_common()]
    also = {"all were found in sync": same == PRODUCTS}
    return print_result(Result("repeat", len(calls) / PRODUCTS, "<= 0.021", RECIPE, table, also))


if __name__ == "__main__":
    sys.exit(main())
