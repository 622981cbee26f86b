"""Start the stack, print its address, and stop all of it."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import secrets
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg2
from cryptography.fernet import Fernet

from reverbsync.env import ROOT, RUNNING_STACKS
from sandbox.stack import ports, ready
from sandbox.stack.parent import dying_with_us
from sandbox.stack.services import PATIENCE_S, CannotStart, Postgres, Redis
from sandbox.stack.supervise import Program, Supervised

#: The kinds of workers: name, queues, threads, niceness. Each queue has its own threads, so a hang or flood in one does
#: not affect the others. Edits yield to stock, and bulk work yields to all other processes.
WORKERS = (
    ("urgent", "urgent", 12, 0),
    ("sales", "sales", 6, 0),
    ("orders", "orders", 6, 0),
    ("hooks", "hooks", 6, 5),
    ("sync", "sync", 16, 10),
)

#: The header of a health check's response that names the instance (reverbsync/health.py).
INSTANCE_HEADER = "ReverbSync-Instance"
OTHER_PORT = "Stop that program, or choose another port, such as WEB_PORT=8090."
CELERY = [sys.executable, "-m", "celery", "-A", "reverbsync.celery:app"]


@dataclass(frozen=True)
class Stack:
    """A running stack."""

    site_url: str
    data: Path
    environment: dict[str, str]
    programs: Supervised

    @property
    def log(self) -> Path:
        """The folder of the logs."""
        return self.data / "log"

    def manage(self, *words: str) -> str:
        """Run a manage.py command against this stack and return its output. Raises CannotStart with its error."""
        return manage(self.environment, *words)


@contextmanager
def up(
    data: Path, *, port: int, beside: Sequence[Program] = (), more: Mapping[str, str] | None = None
) -> Iterator[Stack]:
    """Run the whole app while the block runs.

    `data` is the folder of all stored data, `port` is the web server's, `beside` are further programs, and `more` is
    added to the environment of all. Variables that are already set take precedence. Raises CannotStart.
    """
    data.mkdir(parents=True, exist_ok=True)
    with ExitStack() as stack:
        stack.enter_context(alone(data))
        postgres = stack.enter_context(Postgres(data / "postgres"))
        redis = stack.enter_context(Redis(data / "redis"))
        environment = {
            **_secrets(data),
            **(more or {}),
            "SITE_URL": f"http://{ports.LOOPBACK}:{port}",
            **os.environ,
            "DATABASE_URL": postgres.url,
            "REDIS_URL": redis.url,
            "INSTANCE_ID": secrets.token_hex(8),
        }
        if not os.environ.get("DATABASE_URL"):  # a database server of its own may have been migrated by a newer version
            refuse_older_data(postgres.url, data)
        manage(environment, "migrate", "--verbosity", "0")
        programs = stack.enter_context(
            Supervised([*_app(port), *beside], folder=data / "log", root=ROOT, environment=environment)
        )
        web = ready.Server(
            "ReverbSync", port, "/readyz", INSTANCE_HEADER, environment["INSTANCE_ID"], advice=OTHER_PORT
        )
        ready.wait(web, log=data / "log" / "web.log", alive=lambda: programs.alive, patience_s=2 * PATIENCE_S)
        yield Stack(environment["SITE_URL"], data, environment, programs)


def chosen_port() -> int | None:
    """Return the web server's port that WEB_PORT names; None if it is unset. Raises CannotStart."""
    text = os.environ.get("WEB_PORT", "").strip()
    if not text:
        return None
    if not (text.isascii() and text.isdigit() and 0 < int(text) < 65_536):
        raise CannotStart(f"WEB_PORT is a number from 1 to 65535, not {text!r}.")
    return int(text)


def other_port(wanted: int, used: int, what: str = "ReverbSync") -> str:
    """Return the message for a person whose port was in use."""
    return f"Port {wanted} is in use by another program. {what} uses {used}. WEB_PORT= chooses ReverbSync’s port."


def refuse_older_data(url: str, data: Path) -> None:
    """Raise CannotStart if a version with unknown migrations created the database."""
    with closing(psycopg2.connect(url)) as line, line.cursor() as cursor:
        cursor.execute("SELECT to_regclass('django_migrations') IS NOT NULL")
        if cursor.fetchone() != (True,):
            return
        cursor.execute("SELECT app, name FROM django_migrations")
        made = [(app, name) for app, name in cursor.fetchall() if (ROOT / app).is_dir()]
    if any(not (ROOT / app / "migrations" / f"{name}.py").exists() for app, name in made):
        raise CannotStart(
            f"{data} holds the data of an older version, which this one cannot read."
            " `make clean-demo` removes what the demo kept."
        )


def manage(environment: Mapping[str, str], *words: str) -> str:
    """Run manage.py with this environment."""
    command = dying_with_us([sys.executable, str(ROOT / "manage.py"), *words])
    done = subprocess.run(command, env=dict(environment), cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        raise CannotStart(f"manage.py {words[0]} failed: {(done.stderr or done.stdout).strip()[-2000:]}")
    return done.stdout


@contextmanager
def registered(stack: Stack) -> Iterator[None]:
    """Let manage.py in other terminals find the stack while the block runs."""
    RUNNING_STACKS.mkdir(parents=True, exist_ok=True)
    path = RUNNING_STACKS / f"{os.getpid()}.json"
    path.touch(mode=0o600)
    path.write_text(json.dumps({name: stack.environment[name] for name in _SHARED if name in stack.environment}))
    try:
        yield
    finally:
        path.unlink(missing_ok=True)


_SHARED = (
    "DATABASE_URL",
    "REDIS_URL",
    "SITE_URL",
    "SECRET_KEY",
    "ENCRYPTION_KEYS",
    "REVERB_API_URL",
    "REVERB_WEB_URL",
    "SHOPIFY_ADMIN_URL",
    "BIGCOMMERCE_API_URL",
    "BIGCOMMERCE_LOGIN_URL",
    "ALLOWED_PRIVATE_HOSTS",
)


class Stop(SystemExit):
    """Ctrl-C or a signal asked us to stop. Uncaught, it exits with the status that shells use for the signal."""


def stop_on_signals() -> None:
    """Turn the first INT, TERM or HUP into Stop, and ignore later ones so that the shutdown is not interrupted."""

    def stop(number: int, _: object) -> None:
        for name in _SIGNALS:
            signal.signal(name, signal.SIG_IGN)
        raise Stop(128 + number)

    for name in _SIGNALS:
        signal.signal(name, stop)


@contextmanager
def stopped_by_signals() -> Iterator[None]:
    """Leave the block when a signal asks us to stop."""
    stop_on_signals()
    with contextlib.suppress(Stop):
        yield


_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def stay(stack: Stack) -> None:
    """Wait until the supervisor stops, then raise CannotStart; a signal ends the wait with Stop."""
    while stack.programs.alive:
        time.sleep(0.5)
    raise CannotStart(f"The supervisor stopped; see {stack.log / 'supervisord.log'}.")


def _app(port: int) -> list[Program]:
    """Return the processes of the app itself (docs/operations.md describes each)."""
    return [
        Program("web", gunicorn(port), priority=90),
        *[worker(*one) for one in WORKERS],
        Program("beat", [*CELERY, "beat", "-l", "WARNING"], priority=110),
    ]


def worker(name: str, queues: str, threads: int, nice: int) -> Program:
    """Return a worker; its name, queues, threads and niceness are as in WORKERS."""
    quiet = ["--without-gossip", "--without-mingle", "--without-heartbeat", "-l", "WARNING"]
    return Program(
        f"worker-{name}",
        [
            *(["nice", "-n", str(nice)] if nice else []),
            *[*CELERY, "worker", "-n", f"{name}@%h", "-Q", queues, "--pool", "threads"],
            *["--concurrency", str(threads), *quiet],
        ],
    )


def gunicorn(port: int) -> list[str]:
    """Return the web server's command."""
    address = f"{ports.LOOPBACK}:{port}"
    return [
        sys.executable,
        "-m",
        "gunicorn",
        "-c",
        "python:reverbsync.web",
        "reverbsync.wsgi:application",
        "--bind",
        address,
    ]


def _secrets(data: Path) -> dict[str, str]:
    """Return this stack's own secrets, created once."""
    path = data / "secrets.json"
    if not path.exists():
        path.touch(mode=0o600)
        made = {"SECRET_KEY": secrets.token_urlsafe(48), "ENCRYPTION_KEYS": Fernet.generate_key().decode()}
        path.write_text(json.dumps(made))
    found: dict[str, str] = json.loads(path.read_text())
    return found


@contextmanager
def alone(data: Path) -> Iterator[None]:
    """Lock the data folder; only one stack may use it at a time. Raises CannotStart."""
    with (data / "lock").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise CannotStart(f"A stack is running on {data} already. Stop it first.") from None
        yield
