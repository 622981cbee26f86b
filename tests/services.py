"""A pytest plugin: a real PostgreSQL and Redis for the session, up before Django's settings are read.

Loaded with `-p tests.services` (pyproject.toml). A DATABASE_URL or REDIS_URL in the environment is used instead.
"""

from __future__ import annotations

import os
import tempfile
from contextlib import ExitStack
from pathlib import Path

import pytest

from reverbsync.stack.services import Postgres, Redis

_up = ExitStack()


def _start() -> None:
    folder = Path(
        _up.enter_context(tempfile.TemporaryDirectory(prefix="reverbsync-tests-", ignore_cleanup_errors=True))
    )
    folder.chmod(0o755)  # the database server may run as a user of its own
    os.environ["DATABASE_URL"] = _up.enter_context(Postgres(folder / "postgres", loose=True)).url
    os.environ["REDIS_URL"] = _up.enter_context(Redis(folder / "redis")).url


_start()


@pytest.hookimpl(trylast=True)
def pytest_unconfigure() -> None:
    """Take both down again, whatever ended the session."""
    _up.close()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Run the fast tests first: those without a database, those with one, those with live processes."""

    def slowness(item: pytest.Item) -> int:
        return 2 if item.get_closest_marker("live") else 1 if item.get_closest_marker("django_db") else 0

    items.sort(key=slowness)
