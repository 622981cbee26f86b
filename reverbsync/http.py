"""The one way out over HTTP: paced, with time-outs, no redirects, no private addresses, no endless answers.

Only the clients in `shops/` may use it (the import rule says so).
"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import requests
from django.conf import settings
from requests.adapters import BaseAdapter
from requests_hardened import Config, Manager
from requests_hardened.ip_filter import InvalidIPAddress
from urllib3.exceptions import NewConnectionError

from reverbsync import clock, pace
from reverbsync.pace import Budget

CONNECT_SECONDS = 5.0
READ_SECONDS = 20.0
MAX_ANSWER_BYTES = 20 * 1024 * 1024
#: Longest wait inside a call for the pace; a longer one is the queue's business, not a sleeping worker's.
MAX_PACE_WAIT_SECONDS = 3.0
USER_AGENT = "ReverbSync/0.1"


class NotAllowed(Exception):
    """The address is not one that this app may call: private, redirected, or of another host."""


class Unreachable(Exception):
    """No whole answer came. `maybe_done` is False only when the call surely never reached the other side."""

    def __init__(self, words: str, *, maybe_done: bool) -> None:
        """Keep what is known; `words` never hold an address with secrets."""
        super().__init__(words)
        self.maybe_done = maybe_done


class Paced(Exception):
    """The pace does not allow the call now; `retry_after` says in how many seconds it may."""

    def __init__(self, retry_after: float) -> None:
        """Keep the seconds to wait."""
        super().__init__(f"The pace allows the next call in {retry_after:.1f} s")
        self.retry_after = retry_after


@dataclass(frozen=True)
class Answer:
    """What came back: status, headers (case-insensitive) and the body as text."""

    status: int
    headers: Mapping[str, str]
    text: str

    def json(self) -> Any:
        """Return the body read as JSON, None when it is empty. Raises ValueError when it is something else."""
        return json.loads(self.text) if self.text.strip() else None


def call(
    method: str,
    url: str,
    *,
    budgets: Sequence[Budget],
    headers: Mapping[str, str],
    body: object = None,
    read_s: float = READ_SECONDS,
) -> Answer:
    """Make one call and return whatever HTTP answered.

    `body` is sent as JSON, bytes as they are; `read_s` is how long a silence may last. Raises Paced before anything was
    sent, NotAllowed, or Unreachable.
    """
    if urlsplit(url).scheme not in ("http", "https"):
        raise NotAllowed("Only http and https addresses may be called")
    wait_for(budgets)
    data = body if body is None or isinstance(body, bytes) else json.dumps(body, ensure_ascii=False).encode()
    try:
        with _session(url).request(
            method,
            url,
            data=data,
            headers={"User-Agent": USER_AGENT, **headers},
            timeout=(CONNECT_SECONDS, read_s),
            allow_redirects=False,
            stream=True,
        ) as response:
            return Answer(response.status_code, response.headers, _read(response, read_s))
    except requests.exceptions.ConnectTimeout:
        raise Unreachable("it could not be connected in time", maybe_done=False) from None
    except requests.exceptions.Timeout:
        raise Unreachable("it did not answer in time", maybe_done=True) from None
    except InvalidIPAddress:
        raise NotAllowed("That address is private, and ALLOWED_PRIVATE_HOSTS does not list it") from None
    except requests.exceptions.InvalidURL:
        raise NotAllowed("That address may not be called") from None
    except (requests.exceptions.RequestException, OSError) as error:
        # A refused connection carried nothing; anything else may have been applied before the line broke.
        raise Unreachable("the connection failed", maybe_done=not _refused(error)) from None


def wait_for(budgets: Sequence[Budget]) -> None:
    """Take one call from each budget, waiting a little if need be. Raises Paced when the wait would be long."""
    waited = 0.0
    while (wait := _take(budgets)) > 0:
        if waited + wait > MAX_PACE_WAIT_SECONDS:
            raise Paced(wait)
        clock.sleep(wait)
        waited += wait


def _take(budgets: Sequence[Budget]) -> float:
    try:
        return pace.take(budgets)
    except pace.PaceLost:
        raise Paced(5.0) from None


def _read(response: requests.Response, read_s: float) -> str:
    read = bytearray()
    over = clock.monotonic() + read_s / 2
    for chunk in response.iter_content(65_536):
        read += chunk
        if clock.monotonic() > over:
            raise Unreachable("its answer came too slowly", maybe_done=True)
        if len(read) > MAX_ANSWER_BYTES:
            raise Unreachable("its answer is too large", maybe_done=True)
    return read.decode(response.encoding or "utf-8", errors="replace")


def _refused(error: BaseException) -> bool:
    cause = getattr(error.args[0], "reason", None) if error.args else None
    return isinstance(cause, NewConnectionError)


_sessions = threading.local()
_carrier: requests.Session | None = None


@contextmanager
def carried_by(adapter: BaseAdapter) -> Iterator[None]:
    """Let `adapter` carry every call while the block runs, instead of the network. For the simulation."""
    global _carrier  # noqa: PLW0603 -- one way out for the process is the point
    before, _carrier = _carrier, requests.Session()
    _carrier.trust_env = False
    _carrier.mount("https://", adapter)
    _carrier.mount("http://", adapter)
    try:
        yield
    finally:
        _carrier = before


def _session(url: str) -> requests.Session:
    """Return this thread's session; connections are kept alive and reused."""
    if _carrier is not None:
        return _carrier
    parts = urlsplit(url)
    trusted = parts.hostname in _trusted() or parts.netloc in _trusted()
    name = "trusted" if trusted else "public"
    if not hasattr(_sessions, name):
        config = Config(
            ip_filter_enable=not trusted,
            ip_filter_allow_loopback_ips=False,
            never_redirect=True,
            default_timeout=(CONNECT_SECONDS, READ_SECONDS),
        )
        session = Manager(config).get_session()
        session.trust_env = False
        setattr(_sessions, name, session)
    found: requests.Session = getattr(_sessions, name)
    return found


def _trusted() -> set[str]:
    """Hosts that the operator named: the only ones that may be private."""
    own = (
        settings.REVERB_API_URL,
        settings.REVERB_WEB_URL,
        settings.REVERB_SANDBOX_WEB_URL,
        settings.REVERB_SANDBOX_API_URL,
        settings.SHOPIFY_ADMIN_URL,
        settings.BIGCOMMERCE_API_URL,
        settings.BIGCOMMERCE_LOGIN_URL,
    )
    return {*settings.ALLOWED_PRIVATE_HOSTS, *(urlsplit(address).netloc for address in own if address)}
