"""Pages of the sync log with ten thousand and with five million entries of one shop: does the log's size matter?

The whole page is measured, as a member of the shop gets it, and the query alone. Baseline: page 10,000 by OFFSET.
ENTRIES sets another number than five million.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable
from functools import partial
from typing import Any

import psycopg2

from bench import stack
from bench.report import Result, Row, median, print_result

FEW = 10_000
MANY = int(os.environ.get("ENTRIES", "5000000"))
DEEP = 10_000 * 50
ROUNDS, TIMES = 6, 5
DEEP_PAGE = "page 10,000"
ALLOWED = 1.5

#: Each fills a whole page in both tables, so that the same number of rows is shown.
PAGES = {
    "page 1": "",
    "outcome failed": "outcome=failed",
    "a SKU": "q=GTR-77",
    "a word, 1 in 3": "q=fender",
    "a word, 1 in 150": "q=left+handed",
    "a word, only in old entries": "q=wandre",
    "a word, failed": "q=fender&outcome=failed",
    "an old day": "from=2026-01-01&to=2026-01-01",
    "an old day, failed": "from=2026-01-01&to=2026-01-01&outcome=failed",
    DEEP_PAGE: "",
}

#: Entries four seconds apart. The entries of the small table are the oldest of the large one.
FILL = f"""
INSERT INTO synclog_entry (shop_id, at, outcome, reason, words, fix_link, store_product_id, title, sku, product_link,
    listing_link, changes, message, field_errors, warnings, took_ms, attempt, trigger)
SELECT %(shop)s, timestamptz '2026-01-01 00:00Z' + n * interval '4 seconds',
    CASE WHEN n %% 50 = 0 THEN 'failed' WHEN n %% 3 = 0 THEN 'nothing' ELSE 'synced' END, 'updated',
    'The listing was brought in line.', '', n,
    (ARRAY['Fender Stratocaster ', 'Gibson Les Paul ', 'Martin D-28 '])[1 + n %% 3] || n
        || CASE WHEN n %% 150 = 0 THEN ' Left-handed' ELSE '' END
        || CASE WHEN n %% 150 = 75 AND n <= {FEW} THEN ' Wandre' ELSE '' END,
    'GTR-' || (n %% 150), 'https://store.example.com/', 'https://reverb.com/item/1',
    '[{{"field": "Price", "before": "1.00", "after": "2.00"}}]', '', '{{}}', '[]', 5, 1, 'webhook'
FROM generate_series(%(first)s, %(last)s) AS n
"""
INDEXES = "SELECT indexdef FROM pg_indexes WHERE tablename = 'synclog_entry' AND indexname NOT LIKE %s"


def main() -> int:
    """Fill a small table, copy the database, grow the copy, and measure both in turn."""
    with stack.up(app=False) as bench:
        from django.db import connection

        from bench import shops

        del bench
        owner = shops.shop(1)
        get = member_of(owner)
        fill(owner.pk, 1, FEW)
        small, large = connection.settings_dict["NAME"], "many"
        copy(small, large)
        use(large)
        began = time.monotonic()
        fill(owner.pk, FEW + 1, MANY)
        print(f"  ({MANY:,} entries made in {time.monotonic() - began:.0f} s)", flush=True)
        offset_ms, key = by_offset(owner)
        found = {
            name: measured(get, owner, (small, query), (large, query if name != DEEP_PAGE else f"before={key}"))
            for name, query in PAGES.items()
        }
    table: list[Row] = [("ms", f"{FEW:,}", f"{MANY:,}", "ratio", "queries", "queries")]
    table += [(name, few[0], many[0], many[0] / few[0], few[1], many[1]) for name, (few, many) in found.items()]
    table.append((f"{DEEP_PAGE} by OFFSET, the query", "", offset_ms))
    worst = max(many[0] / few[0] for few, many in found.values())
    return print_result(Result("synclog", worst, f"<= {ALLOWED}", offset_ms, table))


def copy(name: str, other: str) -> None:
    """Copy a whole database."""
    from django.db import connection

    connection.close()
    parts = {
        key.lower(): value
        for key, value in connection.settings_dict.items()
        if key in ("USER", "HOST", "PORT") and value
    }
    line = psycopg2.connect(dbname="template1", **parts)
    line.autocommit = True
    with line.cursor() as cursor:
        cursor.execute(f'CREATE DATABASE "{other}" TEMPLATE "{name}"')
    line.close()


def use(name: str) -> None:
    """Switch to another database."""
    from django.db import connection

    from synclog import search

    connection.close()
    connection.settings_dict["NAME"] = name
    search._counted = (0.0, {})


def fill(shop_id: int, first: int, last: int) -> None:
    """Insert entries; for many, the indexes are dropped first and recreated afterwards."""
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT indexdef FROM pg_indexes WHERE tablename = 'synclog_entry' AND indexname NOT LIKE '%%_pkey'"
        )
        indexes = [row[0] for row in cursor.fetchall()]
        if last - first > FEW:
            for definition in indexes:
                cursor.execute(f"DROP INDEX {definition.split(' ')[2]}")
        cursor.execute("SET maintenance_work_mem = '512MB'")
        cursor.execute(FILL, {"shop": shop_id, "first": first, "last": last})
        if last - first > FEW:
            for definition in indexes:
                cursor.execute(definition)
        cursor.execute("VACUUM ANALYZE synclog_entry")
        cursor.execute("CHECKPOINT")


def member_of(owner: Any) -> Callable[[str], None]:
    """Return a function that gets a page of the log as a member of the shop."""
    from django.test import Client
    from django.urls import reverse

    browser = Client()
    browser.force_login(owner.people.get())
    address = reverse("synclog:log", args=[owner.pk])

    def get(query: str) -> None:
        answer = browser.get(f"{address}?{query}")
        assert answer.status_code == 200

    return get


def measured(get: Callable[[str], None], owner: Any, *both: tuple[str, str]) -> list[tuple[float, float]]:
    """Return for each (database, query) the median milliseconds of the page, and of its queries alone."""
    from django.http import QueryDict

    from synclog import browse

    pages: list[list[float]] = [[] for _ in both]
    queries: list[list[float]] = [[] for _ in both]
    for _ in range(ROUNDS):
        for number, (name, query) in enumerate(both):
            use(name)
            given = QueryDict(query)
            filters, before = browse.Filters.read(given), browse.key(given.get("before", ""))
            get(query)
            pages[number] += [took(partial(get, query)) for _ in range(TIMES)]
            ask = partial(browse.page, owner, filters, before=before)
            queries[number] += [took(ask) for _ in range(TIMES)]
    return [(median(page), median(alone)) for page, alone in zip(pages, queries, strict=True)]


def by_offset(owner: Any) -> tuple[float, int]:
    """Return the milliseconds of the query for page 10,000 by OFFSET, and the key at which that page begins."""
    from synclog.models import Entry

    entries = Entry.objects.filter(shop=owner).order_by("-at", "-id")
    times = [took(lambda: list(entries[DEEP : DEEP + 50])) for _ in range(3)]
    return median(times), entries.values_list("pk", flat=True)[DEEP]


def took(work: Callable[[], object]) -> float:
    """Return the milliseconds that `work` takes."""
    began = time.perf_counter()
    work()
    return (time.perf_counter() - began) * 1000


if __name__ == "__main__":
    sys.exit(main())
