"""Wait until a started server responds, and check that it is ours: another program may be using the port."""

from __future__ import annotations

import time
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from email.message import Message
from http.client import HTTPException
from pathlib import Path

from sandbox.stack import ports
from sandbox.stack.services import CannotStart

#: What gunicorn logs if its port is in use.
IN_USE = b"Connection in use"


@dataclass(frozen=True)
class Server:
    """A web server that we start: each of its responses has `mark` in the header `header`."""

    name: str
    port: int
    path: str
    header: str
    mark: str
    #: How a person chooses another port.
    advice: str = "Stop that program, and start again."

    @property
    def url(self) -> str:
        """The address that is polled."""
        return f"http://{ports.LOOPBACK}:{self.port}{self.path}"


def wait(server: Server, *, log: Path, alive: Callable[[], bool], patience_s: float) -> None:
    """Return when the server answers 200. Raises CannotStart, at once if another program uses its port.

    `log` is the server's log; `alive` returns whether its supervisor still tries to start it.
    """
    before = log.stat().st_size if log.exists() else 0
    over = time.monotonic() + patience_s
    while time.monotonic() < over and alive():
        try:
            status, headers = _ask(server.url)
        except HTTPException:
            raise _taken(server) from None  # a program that does not speak HTTP
        except OSError:
            if _says_in_use(log, before):
                raise _taken(server) from None
        else:
            if headers.get(server.header) != server.mark:
                raise _taken(server)
            if status == 200:
                return
        time.sleep(0.1)
    raise CannotStart(f"{server.name} did not come up; see {log}.")


def _ask(url: str) -> tuple[int, Message]:
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:
            return answer.status, answer.headers
    except urllib.error.HTTPError as error:
        return error.code, error.headers


def _says_in_use(log: Path, before: int) -> bool:
    if not log.exists():
        return False
    with log.open("rb") as file:
        file.seek(before)
        return IN_USE in file.read()


def _taken(server: Server) -> CannotStart:
    return CannotStart(f"Port {server.port} is in use by another program. {server.name} needs it. {server.advice}")
