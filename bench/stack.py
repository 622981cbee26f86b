"""A stack for one benchmark: PostgreSQL and Redis, the app's processes if requested, and a fast stand-in Reverb.

Django is set up for it in this process, so a benchmark imports the app's modules only inside the block.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import requests

from sandbox.stack import ports, run
from sandbox.stack.parent import dying_with_us
from sandbox.stack.services import Postgres, Redis
from sandbox.stack.supervise import Program

QUICK = {"latency_s": 0.0, "limits": {}}


@dataclass(frozen=True)
class Bench:
    """The running stack."""

    site_url: str
    reverb_url: str
    data: Path
    #: The process whose children are the app's processes; 0 if they do not run.
    supervisor: int = 0

    def reverb(self, **settings: Any) -> None:
        """Change the settings of the stand-in Reverb."""
        requests.post(f"{self.reverb_url}/_bench/settings", json=settings, timeout=10).raise_for_status()

    def calls(self) -> list[list[Any]]:
        """Return its calls so far: time, account, method, path, status."""
        found: list[list[Any]] = requests.get(f"{self.reverb_url}/_bench/calls", timeout=60).json()
        return found

    def forget_calls(self) -> None:
        """Reset the counted calls."""
        requests.delete(f"{self.reverb_url}/_bench/calls", timeout=10).raise_for_status()


@contextmanager
def up(
    *,
    app: bool,
    more: Mapping[str, str] | None = None,
    reverb: str = "bench.reverb",
    beside: Sequence[Program] = (),
) -> Iterator[Bench]:
    """Run the stack while the block runs.

    `app`: with web server, workers and scheduler. `more` is added to the environment. `reverb` is the module of the
    stand-in, `beside` are further processes of the app.
    """
    for name in ("DATABASE_URL", "REDIS_URL"):
        os.environ.pop(name, None)
    run.stop_on_signals()
    with ExitStack() as stack:
        data = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="reverbsync-bench-")))
        data.chmod(0o755)  # the database server may run as another user
        port = ports.free(0)
        command = [sys.executable, "-m", reverb, str(port)]
        url = f"http://{ports.LOOPBACK}:{port}"
        environment = {"REVERB_API_URL": f"{url}/api", "REVERB_WEB_URL": url, "LOG_LEVEL": "WARNING", **(more or {})}
        if app:
            programs = [Program("reverb", command, priority=10), *beside]
            whole = stack.enter_context(run.up(data, port=ports.free(0), beside=programs, more=environment))
            os.environ.update(whole.environment)
            bench = Bench(whole.site_url, url, data, whole.programs.pid)
        else:
            environment["DATABASE_URL"] = stack.enter_context(Postgres(data / "postgres")).url
            environment["REDIS_URL"] = stack.enter_context(Redis(data / "redis")).url
            os.environ.update(environment)
            run.manage(os.environ, "migrate", "--verbosity", "0")
            stack.enter_context(_process(command))
            bench = Bench("", url, data)
        _wait_for(url)
        django()
        yield bench


@contextmanager
def _process(command: list[str]) -> Iterator[None]:
    process = subprocess.Popen(dying_with_us(command))
    try:
        yield
    finally:
        process.terminate()
        process.wait(10)


def _wait_for(url: str) -> None:
    session = requests.Session()
    session.mount("http://", requests.adapters.HTTPAdapter(max_retries=requests.adapters.Retry(20, backoff_factor=0.1)))
    session.post(f"{url}/_bench/settings", json=QUICK, timeout=10).raise_for_status()


def django() -> None:
    """Set up Django in this process, for the stack that the environment names."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "reverbsync.settings")
    from django import setup

    setup()
