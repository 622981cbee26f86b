"""Our processes: each has its own connection to PostgreSQL, and may be killed at any time, as by kill -9.

All run in one thread. A second one runs while the first waits in a call, and finishes before the first continues. If
the second would have to wait for a lock of the first, it is killed instead, since the first cannot continue meanwhile.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Never

import psycopg2.errors
from django.db import DEFAULT_DB_ALIAS, OperationalError, connections
from django.db.backends.postgresql.base import DatabaseWrapper

from reverbsync.celery import app


class Killed(BaseException):
    """The process is dead. Only the simulation may catch this."""


class _Gone:
    """A database connection that was closed with its process: whoever still uses it is dead too."""

    closed = 1

    def __getattr__(self, name: str) -> Never:
        raise Killed


class Line(DatabaseWrapper):
    """A process's connection to PostgreSQL: it reports each statement and each commit."""

    process: Process | None = None

    def _commit(self) -> None:
        if self.process is not None:
            self.process.moment("commit")
        super()._commit()  # type: ignore[misc]  # django-stubs leave it out
        if self.process is not None:
            self.process.moment("committed")

    def fall(self) -> None:
        """Close the connection: uncommitted work is rolled back, and locks are released."""
        if self.connection is not None and not isinstance(self.connection, _Gone):
            self.connection.close()
        self.connection = _Gone()


class Process:
    """One of our processes. `shop_id` is the shop that it works for, None if none."""

    def __init__(self, processes: Processes, line: Line, kind: str, shop_id: int | None) -> None:
        self._processes = processes
        self.line, self.kind, self.shop_id = line, kind, shop_id
        self.dead = False
        #: By how much the clock of its machine is ahead of the database's.
        self.machine_ahead_s = 0.0
        #: The watcher's record of the current attempt.
        self.attempt: Any = None

    def moment(self, name: str) -> None:
        """Report a moment at which the process may die."""
        if self.dead:
            raise Killed
        self._processes.on_moment(self, name)

    def die(self, why: str) -> Never:
        """Die at once."""
        self.dead = True
        self.line.fall()
        self._processes.on_death(self, why)
        raise Killed


class Processes:
    """All processes. `on_moment` may kill one; then `on_death` is called."""

    def __init__(self, on_moment: Callable[[Process, str], None], on_death: Callable[[Process, str], None]) -> None:
        self.on_moment, self.on_death = on_moment, on_death
        self._idle: list[Line] = []
        self._machines_apart_s, self._works = 0.0, itertools.count()
        self.stack: list[Process] = []

    def begin(self, *, machines_apart_s: float) -> None:
        """Begin a run in which two machines' clocks differ from the database's by so much, with new connections.

        Otherwise the plans of an old connection, made for other table sizes, would decide how rows are read.
        """
        self.close()
        self._machines_apart_s, self._works = machines_apart_s, itertools.count()

    def _ahead_s(self, kind: str) -> float:
        """Return how far a process's clock is ahead: the web is on one machine, workers are on two."""
        if kind == "web":
            return self._machines_apart_s
        return -self._machines_apart_s * (next(self._works) % 2) if kind in app.tasks else 0.0

    @property
    def current(self) -> Process | None:
        """The running process."""
        return self.stack[-1] if self.stack else None

    @contextmanager
    def running(self, kind: str, shop_id: int | None = None) -> Iterator[Process]:
        """Switch to another process while the block runs. If it is killed, the block just ends."""
        line = self._idle.pop() if self._idle else self._line()
        process = line.process = Process(self, line, kind, shop_id)
        process.machine_ahead_s = self._ahead_s(kind)
        before = connections[DEFAULT_DB_ALIAS]
        connections[DEFAULT_DB_ALIAS] = line
        self.stack.append(process)
        try:
            yield process
        except Killed:
            if not process.dead:
                raise
        finally:
            self.stack.pop()
            connections[DEFAULT_DB_ALIAS] = before
            line.process = None
            if not process.dead:
                self._idle.append(line)

    def close(self) -> None:
        """Close all connections."""
        for line in self._idle:
            line.close()
        self._idle.clear()

    def _line(self) -> Line:
        known = connections.settings[DEFAULT_DB_ALIAS]
        options = {**known["OPTIONS"], "options": "-c lock_timeout=50ms -c plan_cache_mode=force_generic_plan"}
        line = Line({**known, "OPTIONS": options}, DEFAULT_DB_ALIAS)
        line.execute_wrappers.append(self._statement)
        return line

    def _statement(self, execute: Callable[..., Any], sql: str, params: Any, many: bool, context: Any) -> Any:
        process = context["connection"].process
        if process is not None:
            process.moment("statement")
        try:
            return execute(sql, params, many, context)
        except OperationalError as error:
            if process is not None and isinstance(error.__cause__, psycopg2.errors.LockNotAvailable):
                process.die("it waited for a lock that another process of ours had")
            raise
