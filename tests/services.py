"""A pytest plugin: a real PostgreSQL and Redis for the session, up before Django's settings are read.

Loaded with `-p tests.services` (pyproject.toml). A DATABASE_URL or REDIS_URL in the environment is used instead.
Tests that run in several processes (pytest-xdist) share both servers: pytest-django names a database for each
process, and each takes a Redis database of its own.
"""

from __future__ import annotations

import os
import tempfile
from contextlib import ExitStack
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import pytest

from sandbox.stack.services import Postgres, Redis

_up = ExitStack()


def _start() -> None:
    folder = Path(
        _up.enter_context(tempfile.TemporaryDirectory(prefix="reverbsync-tests-", ignore_cleanup_errors=True))
    )
    folder.chmod(0o755)  # the database server may run as a user of its own
    os.environ["DATABASE_URL"] = _up.enter_context(Postgres(folder / "postgres", loose=True)).url
    os.environ["REDIS_URL"] = _up.enter_context(Redis(folder / "redis")).url


def _redis_of_this_process(url: str, worker: str) -> str:
    """Return the address with the database of the process that pytest-xdist calls gw0, gw1 and so on."""
    return urlunsplit(urlsplit(url)._replace(path=f"/{int(worker.removeprefix('gw')) + 1}")) if worker else url


_start()
os.environ["REDIS_URL"] = _redis_of_this_process(os.environ["REDIS_URL"], os.environ.get("PYTEST_XDIST_WORKER", ""))


@pytest.hookimpl(trylast=True)
def pytest_unconfigure() -> None:
    """Take both down again, whatever ended the session."""
    _up.close()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Run the fast tests first: those without a database, those with one, those with live processes."""

    def slowness(item: pytest.Item) -> int:
        return 2 if item.get_closest_marker("live") else 1 if item.get_closest_marker("django_db") else 0

    items.sort(key=slowness)
