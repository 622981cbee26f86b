"""Calls of a first mass sync: 5,000 products, 4,000 already on Reverb, 800 of them out of sync, 1,000 new.

The stand-in is the strict one of `sandbox/` without its limits. Baseline: Reverb's own recipe, a look-up by SKU and a
write for each product, made against the same listings.
"""

from __future__ import annotations

import sys
from collections import Counter
from typing import Any

from bench import strict
from bench.report import Result, Row, print_result

PRODUCTS, PAGES, CHANGED, NEW = 5_000, 80, 800, 1_000
SAMPLE = 1_000


def main() -> int:
    """Count the calls of both."""
    with strict.up() as reverb:
        from bench import mass
        from listings.models import Line, Listing

        found = mass.catalogue(0, PRODUCTS)
        category = reverb.category()
        owner = strict.owner(reverb)
        reverb.seed(mass.listings(found, category, mass.MANY), token="token-1")
        reverb.seed(mass.listings(found[:SAMPLE], category, mass.MANY), token="recipe")
        mass.keep(owner, found)
        mass.sync(owner)
        ours = reverb.calls("token-1")
        failed = Line.objects.filter(state=Line.State.FAILED).count()
        live = Listing.objects.filter(shop=owner, state="live", publish_looks=None).count()
        recipe(reverb, found, category)
        theirs = len(reverb.calls("recipe")) * PRODUCTS / SAMPLE
    needed = PAGES + CHANGED + NEW
    table: list[Row] = [("calls", "all", "a product"), ("needed: pages, changed, new", needed, needed / PRODUCTS)]
    table += [("recipe: look up, write", round(theirs), theirs / PRODUCTS)]
    table += [("mass sync", len(ours), len(ours) / PRODUCTS)]
    table += [(f"  {name}", count, count / PRODUCTS) for name, count in Counter(ours).most_common()]
    also = {f"all are live, none failed ({live:,}, {failed})": not failed and live == PRODUCTS}
    return print_result(Result("calls", len(ours) / needed, "<= 1.06", theirs / needed, table, also))


def recipe(reverb: strict.Reverb, found: list[Any], category: str) -> None:
    """For each product of a sample: find its listing by SKU, then update or create it."""
    from bench import mass

    every = mass.listings(found[:SAMPLE], category, mass.Mix(0, 0))
    for wanted in every:
        known = reverb.get("/my/listings", token="recipe", sku=wanted["sku"], state="all")["listings"]
        reverb.write(known[0]["id"] if known else None, wanted, token="recipe")


if __name__ == "__main__":
    sys.exit(main())
