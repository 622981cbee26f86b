"""What this worker's right to its work rests on: the lease of a job, or an advisory lock. It may be lost unnoticed.

A worker that stood still, that waited minutes for an answer, or whose database connection broke may go on when another
one has taken its work over. So the right is confirmed before each call to a store, and with each write:

    with ownership.of(lease):
        ...                          # each call to a store confirms it first
        with ownership.fenced():
            row.save()               # committed only while the lease is still this worker's

A worker is known by its database connection: each thread has one.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Protocol
from weakref import WeakKeyDictionary

from django.db import DEFAULT_DB_ALIAS, connections, transaction
from django.db.backends.base.base import BaseDatabaseWrapper


class Lost(Exception):
    """Another worker may have taken the work over: nothing more may be called or written."""


class Ownership(Protocol):
    """A lease or a lock."""

    def confirm(self) -> None:
        """Make sure that it is still this worker's, and stays so for one call more. Raises Lost."""


#: Connection → what its worker owns, such as a job's lease, and inside it a lock. All of it must stand.
_owned: WeakKeyDictionary[BaseDatabaseWrapper, list[Ownership]] = WeakKeyDictionary()


@contextmanager
def of(right: Ownership) -> Iterator[None]:
    """Own something while the block runs."""
    mine = _owned.setdefault(connections[DEFAULT_DB_ALIAS], [])
    mine.append(right)
    try:
        yield
    finally:
        mine.pop()


def owned() -> Sequence[Ownership]:
    """Return what this worker owns, outermost first; nothing where it needs no right to what it does."""
    return _owned.get(connections[DEFAULT_DB_ALIAS], ())


def confirm() -> None:
    """Raise Lost unless this worker still owns its work. Where it needs no right, do nothing."""
    for one in tuple(owned()):
        one.confirm()


@contextmanager
def fenced() -> Iterator[None]:
    """Commit what the block writes only if this worker still owns its work in the end. Raises Lost, and undoes it."""
    with transaction.atomic():
        yield
        # Last, as everywhere the job's row is locked after all others: two transactions never wait for each other.
        confirm()
