"""Faster access to the database than through querysets, for hot paths (docs/performance.md)."""

from __future__ import annotations

import re
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Generic, NamedTuple, TypeVar
from weakref import WeakKeyDictionary

from django.db import DEFAULT_DB_ALIAS, InterfaceError, OperationalError, connection
from django.db.backends.utils import CursorWrapper
from django.db.models import Model, QuerySet

from reverbsync import clock

T = TypeVar("T")
M = TypeVar("M", bound=Model)
_NAMED = re.compile(r"%\((\w+)\)s")


def without_health_check(run: Callable[[], T]) -> T:
    """Run an idempotent query without Django's connection health check; reconnect and retry once if it is dead.

    Saves a round trip on each request of the hottest views.
    """
    connection.health_check_done = True  # type: ignore[attr-defined]
    try:
        return run()
    except (OperationalError, InterfaceError):
        if connection.in_atomic_block:
            raise
        connection.close()
        return run()


#: Rows changed or deleted by one statement: it holds its locks for a fraction of a second.
BATCH_SIZE = 1_000


class Span(NamedTuple):
    """The rows whose primary key is greater than `after` and at most `until`; all by default."""

    after: int = 0
    until: int = 2**63 - 1

    def of(self, path: str) -> dict[str, int]:
        """Return the filter conditions; `path` is the lookup of the key."""
        return {f"{path}__gt": self.after, f"{path}__lte": self.until}


EVERYTHING = Span()


def next_span(rows: QuerySet[M], key: str, *, after: int = 0, size: int = BATCH_SIZE) -> Span | None:
    """Return the span of the next `size` rows by `key`; None if no row is left."""
    keys = list(rows.filter(**{f"{key}__gt": after}).order_by(key).values_list(key, flat=True)[:size])
    return Span(after, keys[-1]) if keys else None


def batches(rows: QuerySet[M], size: int = BATCH_SIZE) -> Iterator[QuerySet[M]]:
    """Yield the rows in batches by primary key, each to be changed by one statement outside a transaction.

    Rows that no longer match `rows` when their portion is due are left out.
    """
    after = 0
    while span := next_span(rows, "pk", after=after, size=size):
        yield rows.filter(**span.of("pk"))
        after = span.until


class Statement:
    """A prepared statement that each database connection plans once in a while, not on each execution.

        look = Statement("SELECT title FROM listings_product WHERE id = %s")
        look.run(cursor, [5])

    For what runs on every attempt: planning costs several times as much as executing. It is planned again every
    `PLANNED_S` seconds, because a table may have grown.
    """

    PLANNED_S = 10.0

    def __init__(self, sql: str) -> None:
        """`sql` has a `%s` for each value, or `%(name)s`, which may occur several times."""
        self._names = list(dict.fromkeys(_NAMED.findall(sql)))
        parts = sql.split("%s")
        numbered = "".join(f"{part}${number}" for number, part in enumerate(parts[:-1], 1)) + parts[-1]
        if self._names:
            numbered = _NAMED.sub(lambda found: f"${self._names.index(found[1]) + 1}", sql)
        count = len(self._names) or len(parts) - 1
        self._name = f"written_{zlib.crc32(sql.encode()):08x}_{len(sql)}"
        self._prepare = f"PREPARE {self._name} AS {numbered}"
        self._execute = f"EXECUTE {self._name}({', '.join(['%s'] * count)})"

    def run(self, cursor: CursorWrapper, values: Sequence[Any] | Mapping[str, Any]) -> None:
        """Execute the statement with these values."""
        given = [values[name] for name in self._names] if isinstance(values, Mapping) else values
        line = cursor.db.connection
        planned = _planned.setdefault(line, {})
        at, now = planned.get(self._name), clock.monotonic()
        if at is None or now > at + self.PLANNED_S:
            # Bypass Django, which would count and time it as one of its statements.
            with cursor.db.wrap_database_errors, line.cursor() as plain:
                plain.execute(self._prepare if at is None else f"DEALLOCATE {self._name}; {self._prepare}")
            planned[self._name] = now
        cursor.execute(self._execute, given)


#: Database connection → name of a prepared statement → when it was planned.
_planned: WeakKeyDictionary[Any, dict[str, float]] = WeakKeyDictionary()


class Reader(Generic[M]):
    """Build model instances from the rows of a raw statement, at a tenth of the cost of a queryset.

    products = Reader(Product)
    cursor.execute("SELECT id, …, title FROM listings_product")  # all columns, in the order of the model's fields
    products.row(cursor.fetchone())
    """

    def __init__(self, model: type[M]) -> None:
        """Converters are those of Django's backend, as for JSON."""
        self._model = model
        fields = list(model._meta.concrete_fields)
        self._names = [field.attname for field in fields]
        self._converters = [
            (at, convert) for at, field in enumerate(fields) for convert in field.get_db_converters(connection)
        ]
        self.width = len(fields)

    def row(self, selected: Sequence[Any], start: int = 0) -> M | None:
        """Return the instance whose columns begin at `start`, primary key first; None if a join found no row."""
        values = list(selected[start : start + self.width])
        if values[0] is None:
            return None
        for at, convert in self._converters:
            values[at] = convert(values[at], None, connection)
        return self._model.from_db(DEFAULT_DB_ALIAS, self._names, values)
