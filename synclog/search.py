"""Find entries by prefixes of words in SKU and title, quickly for frequent and rare words.

Frequent words are found fastest by scanning the log from its newest entry. Rare ones may be anywhere in it, and are
found fastest in the word index and then sorted. The database cannot estimate the frequency of a prefix. But its
statistics contain the frequent words, from which we choose the plan.
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

#: Most entries to sort at once.
FEW = 2_000
#: A word in one of this many entries is found fast by scanning.
OFTEN = 500
#: How long the statistics are cached, in seconds.
REMEMBERED_S = 600.0

_counted: tuple[float, dict[str, float]] = (0.0, {})

# The same normalization as in Entry.search_vector: all that is neither letter nor digit separates words. Parts of one
# typed word, such as FEN-12, must be adjacent, and the last may be a prefix.
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
    """Yield the entries that have all words of `text`, to be read in the block by the faster plan."""
    found = having(entries, text)
    few = None if _often(text) else _few(found)
    if few is not None:
        yield Entry.objects.filter(pk__in=few)
        return
    with _without("bitmapscan"):
        yield found


def _few(found: QuerySet[Entry]) -> list[int] | None:
    """Return the ids of these entries from the word index, None if there are more than FEW."""
    with _without("seqscan", "indexscan"):
        ids = list(found.order_by().values_list("pk", flat=True)[: FEW + 1])
    return ids if len(ids) <= FEW else None


def _often(text: str) -> bool:
    """Return whether all words are frequent, according to the database's statistics."""
    counts = _counts()
    return all(_share(word, counts) > 1 / OFTEN for word in _typed(text))


def _share(word: str, counts: dict[str, float]) -> float:
    """Return the fraction of entries that have a word, or one with that prefix."""
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
    """Disable these query plan methods during the block."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("".join(f"SET LOCAL enable_{way} = off;" for way in ways))
        yield
        cursor.execute("".join(f"SET LOCAL enable_{way} = on;" for way in ways))
