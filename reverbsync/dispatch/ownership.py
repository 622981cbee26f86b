"""Ownership of work: the lease of a job or an advisory lock. A worker may lose it unnoticed.

A worker that was paused, waited minutes for a response, or lost its database connection may resume after another worker
has taken over. So ownership is confirmed before each call to a store, and with each write:

    with ownership.of(lease):
        ...                          # each call to a store confirms it first
        with ownership.fenced():
            row.save()               # committed only while the lease is still this worker's

A worker is identified by its database connection: each thread has its own.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Protocol
from weakref import WeakKeyDictionary

from django.db import DEFAULT_DB_ALIAS, connections, transaction
from django.db.backends.base.base import BaseDatabaseWrapper


class Lost(Exception):
    """Another worker may have taken over: no further calls or writes are allowed."""


class Ownership(Protocol):
    """A lease or a lock."""

    def confirm(self) -> None:
        """Ensure that this worker still owns it for at least one more call. Raises Lost."""


#: Connection → what its worker owns, such as a job's lease and a lock inside it. All of it must be valid.
_owned: WeakKeyDictionary[BaseDatabaseWrapper, list[Ownership]] = WeakKeyDictionary()


@contextmanager
def of(right: Ownership) -> Iterator[None]:
    """Own `right` while the block runs."""
    mine = _owned.setdefault(connections[DEFAULT_DB_ALIAS], [])
    mine.append(right)
    try:
        yield
    finally:
        mine.pop()


def owned() -> Sequence[Ownership]:
    """Return what this worker owns, outermost first; empty if its work needs no ownership."""
    return _owned.get(connections[DEFAULT_DB_ALIAS], ())


def confirm() -> None:
    """Raise Lost unless this worker still owns its work. Does nothing if the work needs no ownership."""
    for one in tuple(owned()):
        one.confirm()


@contextmanager
def fenced() -> Iterator[None]:
    """Commit the block's writes only if this worker still owns its work at the end; else roll back and raise Lost."""
    with transaction.atomic():
        yield
        # Last: the job's row is always locked after all others, so two transactions cannot deadlock.
        confirm()
