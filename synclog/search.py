"""Find entries by the beginnings of words in SKU and title, whether many have them or few, and wherever those lie.

Many are met soon when one looks through the log from the newest entry on; few are quickly sorted, but may lie anywhere.
The database cannot infer which it will be from the beginning of a word. It does count the words that occur often: we
look at those counts, and say which way to go.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager

from django.db import connection, transaction
from django.db.models import BooleanField, QuerySet
from django.db.models.expressions import RawSQL

from reverbsync import clock
from synclog.models import Entry

#: So many entries are sorted at once.
FEW = 2_000
#: A word that stands in one of so many entries is met soon.
OFTEN = 500
#: How long the counts are remembered, in seconds.
REMEMBERED_S = 600.0

_counted: tuple[float, dict[str, float]] = (0.0, {})

# The same cleaning as in Entry.search_vector: what is neither letter nor digit parts words. What was typed as one word,
# such as FEN-12, must stand together, and its end may be missing.
_BEGINS = """
(nullif(phraseto_tsquery('simple', regexp_replace(%s, '[^[:alnum:]]+', ' ', 'g'))::text, '') || ':*')::tsquery
"""
_COUNTS = """
SELECT most_common_elems::text::text[], most_common_elem_freqs FROM pg_stats
WHERE schemaname = current_schema() AND tablename = 'synclog_entry' AND attname = 'search_vector'
"""


def having(entries: QuerySet[Entry], text: str) -> QuerySet[Entry]:
    """Return the entries that have all words of `text`."""
    words = _typed(text)
    if not words:
        return entries.none()
    sql = f'"synclog_entry"."search_vector" @@ ({" && ".join([_BEGINS] * len(words))})'
    return entries.filter(RawSQL(sql, words, output_field=BooleanField()))  # noqa: S611 -- all values are parameters


@contextmanager
def best_way(entries: QuerySet[Entry], text: str) -> Iterator[QuerySet[Entry]]:
    """Yield the entries that have all words of `text`, to be read in the block by the quicker way."""
    found = having(entries, text)
    few = None if _often(text) else _few(found)
    if few is not None:
        yield Entry.objects.filter(pk__in=few)
        return
    with _without("bitmapscan"):
        yield found


def _few(found: QuerySet[Entry]) -> list[int] | None:
    """Return the ids of all these entries by way of the index of words, None when they are many."""
    with _without("seqscan", "indexscan"):
        ids = list(found.order_by().values_list("pk", flat=True)[: FEW + 1])
    return ids if len(ids) <= FEW else None


def _often(text: str) -> bool:
    """Return whether each of the words stands in many entries, as far as the database has counted."""
    counts = _counts()
    return all(_share(word, counts) > 1 / OFTEN for word in _typed(text))


def _share(word: str, counts: dict[str, float]) -> float:
    """Return the part of all entries that have a word, or one that begins so."""
    *whole, begun = re.findall(r"[^\W_]+", word.lower())
    beginning = sum(share for known, share in counts.items() if known.startswith(begun))
    return min([beginning, *[counts.get(part, 0.0) for part in whole]])


def _counts() -> dict[str, float]:
    global _counted  # noqa: PLW0603 -- a memory of the process
    until, counts = _counted
    if clock.monotonic() < until:
        return counts
    with connection.cursor() as cursor:
        cursor.execute(_COUNTS)
        row = cursor.fetchone()
    counts = dict(zip(row[0], row[1], strict=False)) if row and row[0] else {}
    _counted = (clock.monotonic() + REMEMBERED_S, counts)
    return counts


def _typed(text: str) -> list[str]:
    return [word for word in text.split() if re.search(r"[^\W_]", word)]


@contextmanager
def _without(*ways: str) -> Iterator[None]:
    """Let the database go no such ways to rows while the block runs."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("".join(f"SET LOCAL enable_{way} = off;" for way in ways))
        yield
        cursor.execute("".join(f"SET LOCAL enable_{way} = on;" for way in ways))
