"""Run many stories in a few processes: one PostgreSQL and Redis for all, a database for each process."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from queue import Queue
from typing import Any, TypeVar
from urllib.parse import urlsplit, urlunsplit

import psycopg2
from psycopg2.extensions import make_dsn, parse_dsn

from sandbox.stack.parent import dying_with_us
from sandbox.stack.services import Postgres, Redis

ROOT = Path(__file__).resolve().parents[2]
Said = dict[str, Any]
T = TypeVar("T")


class Many:
    """Processes that run stories."""

    def __init__(self, database_url: str, redis_url: str, processes: int) -> None:
        """Create a database for each process, all copied from one that is migrated once."""
        self._redis = redis_url
        self._databases = _databases(database_url, processes)

    def run(self, wishes: list[dict[str, Any]]) -> Iterator[Said]:
        """Give each process one wish; yield their results as they arrive."""
        said: Queue[Said | None] = Queue()
        threads = [
            threading.Thread(target=self._work, args=[number, wish, said], daemon=True)
            for number, wish in enumerate(wishes)
        ]
        for thread in threads:
            thread.start()
        left = len(threads)
        while left:
            found = said.get()
            if found is None:
                left -= 1
            else:
                yield found

    def _work(self, number: int, wish: dict[str, Any], said: Queue[Said | None]) -> None:
        index = number % len(self._databases)
        environment = {
            **os.environ,
            "DATABASE_URL": self._databases[index],
            "REDIS_URL": _redis_of(self._redis, index),
            "PYTHONHASHSEED": "0",
            "LOG_LEVEL": "ERROR",
        }
        command = dying_with_us([sys.executable, "-m", "tests.simulation.worker", json.dumps(wish)])
        with subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            for line in process.stdout:
                said.put(json.loads(line))
        if process.returncode:
            said.put({"seed": None, "broken": [f"a process of the simulation ended with {process.returncode}"]})
        said.put(None)


@contextmanager
def processes(count: int) -> Iterator[Many]:
    """Start the servers, or use those that DATABASE_URL and REDIS_URL name."""
    with ExitStack() as up:
        made = tempfile.TemporaryDirectory(prefix="reverbsync-simulation-", ignore_cleanup_errors=True)
        folder = Path(up.enter_context(made))
        folder.chmod(0o755)  # the database server may run as another user
        postgres = up.enter_context(Postgres(folder / "postgres", loose=True))
        redis = up.enter_context(Redis(folder / "redis"))
        yield Many(postgres.url, redis.url, count)


def shares(ones: list[T], count: int) -> list[list[T]]:
    """Distribute the seeds, or the bugs."""
    return [share for number in range(count) if (share := ones[number::count])]


def _databases(url: str, count: int) -> list[str]:
    parts = parse_dsn(url)
    names = [f"simulation_{os.getpid()}_{number}" for number in range(count)]
    line = psycopg2.connect(url)
    line.autocommit = True
    with line.cursor() as cursor:
        for name in names:
            cursor.execute(f"CREATE DATABASE {name}" + (f" TEMPLATE {names[0]}" if name != names[0] else ""))
            if name == names[0]:
                _migrate(_named(parts, name))
                _keep_still(_named(parts, name))
    line.close()
    return [_named(parts, name) for name in names]


def _named(parts: dict[str, str], name: str) -> str:
    return str(make_dsn(**{**parts, "dbname": name}))


def _migrate(dsn: str) -> None:
    environment = {**os.environ, "DATABASE_URL": dsn, "LOG_LEVEL": "ERROR"}
    command = dying_with_us([sys.executable, "manage.py", "migrate", "--verbosity", "0"])
    subprocess.run(command, cwd=ROOT, env=environment, check=True)


def _keep_still(dsn: str) -> None:
    """Disable autovacuum: otherwise plans, and the order of rows, would depend on timing.

    System tables too: while one of them is analyzed, no row version is removed from any table.
    """
    line = psycopg2.connect(dsn)
    with line, line.cursor() as cursor:
        cursor.execute("SET allow_system_table_mods = on")
        cursor.execute(
            "SELECT oid::regclass::text FROM pg_class WHERE relkind = 'r' AND NOT relisshared"
            " AND relnamespace IN ('public'::regnamespace, 'pg_catalog'::regnamespace)"
        )
        for (table,) in cursor.fetchall():
            cursor.execute(f"ALTER TABLE {table} SET (autovacuum_enabled = false)")
    line.close()


def _redis_of(url: str, index: int) -> str:
    """Return the address of a separate database on the same Redis."""
    return urlunsplit(urlsplit(url)._replace(path=f"/{index + 1}"))
