"""Our processes: each has its own line to PostgreSQL, and may be killed at any moment, as by kill -9.

All run in one thread. A second one runs while the first waits in a call; it is done before the first goes on. Where a
second one would have to wait for a lock of the first, it is killed instead, since the first cannot go on meanwhile.
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
    """The process is no more. Nobody may catch it but the simulation."""


class _Gone:
    """A line to the database that fell with its process: whoever still uses it is not alive either."""

    closed = 1

    def __getattr__(self, name: str) -> Never:
        raise Killed


class Line(DatabaseWrapper):
    """A process's line to PostgreSQL: it reports each statement and each commit."""

    process: Process | None = None

    def _commit(self) -> None:
        if self.process is not None:
            self.process.moment("commit")
        super()._commit()
        if self.process is not None:
            self.process.moment("committed")

    def fall(self) -> None:
        """Close the line: what was not committed is undone, and the locks fall."""
        if self.connection is not None and not isinstance(self.connection, _Gone):
            self.connection.close()
        self.connection = _Gone()


class Process:
    """One of our processes. `shop_id` is whose work it does, None when it is nobody's."""

    def __init__(self, processes: Processes, line: Line, kind: str, shop_id: int | None) -> None:
        self._processes = processes
        self.line, self.kind, self.shop_id = line, kind, shop_id
        self.dead = False
        #: By how much the clock of its machine is ahead of the database's.
        self.machine_ahead_s = 0.0
        #: What the watcher keeps about the attempt that is being made.
        self.attempt: Any = None

    def moment(self, name: str) -> None:
        """A moment at which it may die."""
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
    """All of them. `on_moment` may kill one; `on_death` is called then."""

    def __init__(self, on_moment: Callable[[Process, str], None], on_death: Callable[[Process, str], None]) -> None:
        self.on_moment, self.on_death = on_moment, on_death
        self._idle: list[Line] = []
        self._machines_apart_s, self._works = 0.0, itertools.count()
        self.stack: list[Process] = []

    def begin(self, *, machines_apart_s: float) -> None:
        """Begin a run in which the clocks of two machines are so far from the database's, with new lines.

        What a line has planned when, and for which sizes of the tables, would decide how rows are read.
        """
        self.close()
        self._machines_apart_s, self._works = machines_apart_s, itertools.count()

    def _ahead_s(self, kind: str) -> float:
        """Return how far the clock is ahead where a process runs: the web is on one machine, workers are on two."""
        if kind == "web":
            return self._machines_apart_s
        return -self._machines_apart_s * (next(self._works) % 2) if kind in app.tasks else 0.0

    @property
    def current(self) -> Process | None:
        """The one that is running."""
        return self.stack[-1] if self.stack else None

    @contextmanager
    def running(self, kind: str, shop_id: int | None = None) -> Iterator[Process]:
        """Be another process while the block runs. If it is killed, the block just ends."""
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
        """Close all lines."""
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
