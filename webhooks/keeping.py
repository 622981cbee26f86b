"""Keep deliveries together: while one statement is under way, those that arrive meanwhile gather for the next.

Each call is answered only after its own row is committed. Under load, several rows share one commit; alone, nothing is
waited for.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Generic, TypeVar

T = TypeVar("T")


@dataclass
class _Batch(Generic[T]):
    rows: list[T] = field(default_factory=list)
    kept: threading.Event = field(default_factory=threading.Event)
    error: BaseException | None = None


class Together(Generic[T]):
    """Writes rows in batches; the first of a batch writes for all of it."""

    def __init__(self, write: Callable[[Sequence[T]], None]) -> None:
        """`write` keeps rows for good, or raises."""
        self._write = write
        self._gathering: _Batch[T] = _Batch()
        self._lock = threading.Lock()
        self._writing = threading.Lock()

    def keep(self, row: T) -> Sequence[T]:
        """Return when the row is kept. Raises what writing its batch raised.

        The first of a batch gets all of its rows, to do what is to be done afterwards; the others none.
        """
        with self._lock:
            batch = self._gathering
            batch.rows.append(row)
            first = len(batch.rows) == 1
        if first:
            self._keep(batch)
        else:
            batch.kept.wait()
        if batch.error is not None:
            raise batch.error
        return batch.rows if first else ()

    def _keep(self, batch: _Batch[T]) -> None:
        with self._writing:
            with self._lock:
                self._gathering = _Batch()
            try:
                self._write(batch.rows)
            except BaseException as error:  # noqa: BLE001 -- each of the batch must be told
                batch.error = error
            finally:
                batch.kept.set()
