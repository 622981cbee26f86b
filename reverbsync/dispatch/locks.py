"""Advisory locks: one worker at a time for a piece of work, across all machines.

PostgreSQL releases the lock when the connection breaks, even if its worker does not notice. So the work is owned
(reverbsync/dispatch/ownership.py): a worker that has reconnected since makes no calls and no fenced writes.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from django.db import connection

from reverbsync.dispatch import ownership
from reverbsync.dispatch.ownership import Lost


@dataclass(frozen=True)
class Lock:
    """An advisory lock as an ownership: it is valid as long as the connection that acquired it."""

    #: The driver's connection; Django opens a new one when it breaks.
    taken_by: object

    def confirm(self) -> None:
        """Raise Lost if Django has reconnected. A connection that broke unnoticed fails on its next use."""
        if connection.connection is not self.taken_by:
            raise Lost("The advisory lock fell with its database connection.")


@contextmanager
def try_lock(work: str, number: int) -> Iterator[bool]:
    """Yield whether this worker holds the lock of `work` for `number`, a shop's id, while the block runs."""
    with lock_if_free(work, number) as free:
        if not free:
            yield False
            return
        with ownership.of(Lock(connection.connection)):
            yield True


@contextmanager
def lock_if_free(work: str, number: int) -> Iterator[bool]:
    """Yield whether this worker got the lock of `work` for `number`, without owning the work in the block."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_lock(%s, %s)", [_named(work), number])
        row = cursor.fetchone()
    if not row or not row[0]:
        yield False
        return
    lock = Lock(connection.connection)
    try:
        yield True
    finally:
        _unlock(lock, work, number)


@contextmanager
def blocking_lock(work: str, number: int) -> Iterator[None]:
    """Wait for the lock of `work` for `number`, then run the block."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_lock(%s, %s)", [_named(work), number])
    lock = Lock(connection.connection)
    try:
        yield
    finally:
        _unlock(lock, work, number)


def _unlock(lock: Lock, work: str, number: int) -> None:
    if connection.connection is not lock.taken_by:
        return  # already released
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_unlock(%s, %s)", [_named(work), number])


def _named(work: str) -> int:
    """Return the lock's key as PostgreSQL needs it: a signed 32-bit number."""
    return zlib.crc32(work.encode()) - 2**31
