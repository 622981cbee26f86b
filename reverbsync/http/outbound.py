"""All outbound HTTP: rate limited, with time-outs, no redirects, no private addresses and a size limit.

Only the clients in `shops/` may use it (enforced by the import rules).
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import requests
from requests.adapters import BaseAdapter
from requests.structures import CaseInsensitiveDict
from requests_hardened import Config, Manager
from requests_hardened.ip_filter import InvalidIPAddress
from urllib3.exceptions import HTTPError, LocationValueError, NewConnectionError

from reverbsync import clock
from reverbsync.http import answer_body, curl, deadline
from reverbsync.http.answer_body import CHUNK, decoded, read_body
from reverbsync.http.errors import NotAllowed, RateLimited, TooLarge, Unreachable
from reverbsync.http.trusted_hosts import is_trusted, origin
from reverbsync.ratelimit import limiter, throttle
from reverbsync.ratelimit.budget import Budget, NotNow, Taken

CONNECT_SECONDS = 5.0
READ_SECONDS = 20.0
#: Longest wait for the rate limit inside a call; for a longer one the job returns to the queue.
MAX_RATE_LIMIT_WAIT_SECONDS = 3.0
USER_AGENT = "ReverbSync/0.1"


@dataclass(frozen=True)
class Answer:
    """A response: status, headers (case-insensitive) and the body as text."""

    status: int
    headers: Mapping[str, str]
    text: str

    def json(self) -> Any:
        """Return the body parsed as JSON, or None if it is empty. Raises ValueError if it is not JSON.

        A leading byte-order mark is skipped: editors add it to plug-in files, whose output precedes the body.
        """
        body = self.text.lstrip("\ufeff \t\r\n")
        if not body:
            return None
        try:
            return json.loads(body)
        except json.JSONDecodeError:
            raise
        except RecursionError:
            raise ValueError("nested beyond reason") from None
        except ValueError:  # a number of thousands of digits: only code that reads it should fail
            return json.loads(body, parse_int=float)


_as_json = json.JSONEncoder(ensure_ascii=False).encode


def call(
    method: str,
    url: str,
    *,
    budgets: Sequence[Budget],
    headers: Mapping[str, str],
    body: object = None,
    read_s: float = READ_SECONDS,
    before: Callable[[], None] | None = None,
) -> Answer:
    """Make one call and return the response, whatever its status.

    `body` is sent as JSON, bytes unchanged. `read_s` is the longest silence in seconds. `before` runs after the rate
    limit has admitted the call, and may raise to cancel it.

    Raises RateLimited before anything was sent, NotAllowed, or Unreachable (TooLarge if the response is larger than
    MAX_ANSWER_BYTES). If nothing was sent, the slots in the budgets are returned.
    """
    if origin(url).scheme not in ("http", "https"):
        raise NotAllowed("Only http and https addresses may be called")
    if not all(value.isascii() and value.isprintable() for value in headers.values()):
        raise NotAllowed("A key has characters that cannot be sent")
    data = body if body is None or isinstance(body, bytes) else _as_json(body).encode()
    taken = wait_for(budgets)
    try:
        if before is not None:
            before()
        answer = _call(method, url, data, headers, read_s)
    except Unreachable as error:
        if error.may_have_applied:
            limiter.answered(taken)
        else:
            limiter.give_back(taken)
        raise
    except Exception:
        limiter.give_back(taken)
        raise
    limiter.answered(taken)
    return answer


def _call(method: str, url: str, data: bytes | None, headers: Mapping[str, str], read_s: float) -> Answer:
    sent = {"User-Agent": USER_AGENT, **headers}
    try:
        if _carrier is None and is_trusted(url):
            return _by_line(method, url, data, sent, read_s)
        return _by_session(method, url, data, sent, read_s)
    except curl.Failed as failed:
        kind = TooLarge if failed.too_large else Unreachable
        raise kind(failed.words, may_have_applied=failed.sent) from None
    except requests.exceptions.ConnectTimeout:
        raise Unreachable("it could not be connected in time", may_have_applied=False) from None
    except (requests.exceptions.Timeout, TimeoutError):
        raise Unreachable("it did not answer in time", may_have_applied=True) from None
    except InvalidIPAddress:
        raise NotAllowed("That address is private, and ALLOWED_PRIVATE_HOSTS does not list it") from None
    except (requests.exceptions.InvalidURL, LocationValueError):
        raise NotAllowed("That address may not be called") from None
    except (requests.exceptions.RequestException, HTTPError, OSError) as error:
        # A refused connection sent nothing; any other call may have been applied before the connection broke.
        raise Unreachable("the connection failed", may_have_applied=not _refused(error)) from None


def _by_session(method: str, url: str, data: bytes | None, headers: dict[str, str], read_s: float) -> Answer:
    """Call an address that anybody may have entered: guarded against private ones."""
    with deadline.within(read_s * 1.5) as whole:
        try:
            found = _sent(method, url, data, headers, read_s)
        except (InvalidIPAddress, requests.exceptions.InvalidURL, LocationValueError):
            raise
        except (requests.exceptions.RequestException, HTTPError, OSError) as error:
            if whole.is_over:
                raise Unreachable("its answer came too slowly", may_have_applied=whole.is_sent) from None
            if _carrier is None and not whole.is_sent:
                raise Unreachable(_unsent(error), may_have_applied=False) from None
            raise
    if whole.is_over:  # a body that ends with the connection would seem complete
        raise Unreachable("its answer came too slowly", may_have_applied=True)
    return found


def _sent(method: str, url: str, data: bytes | None, headers: dict[str, str], read_s: float) -> Answer:
    with _session().request(
        method,
        url,
        data=data,
        headers=headers,
        timeout=(CONNECT_SECONDS, read_s),
        allow_redirects=False,
        stream=True,
    ) as response:
        body = read_body(response.iter_content(CHUNK), read_s)
        return Answer(response.status_code, response.headers, decoded(body, response.headers.get("Content-Type", "")))


def _by_line(method: str, url: str, data: bytes | None, headers: dict[str, str], read_s: float) -> Answer:
    """Call a host that the operator configured: needs no guard, and a tenth of the CPU (docs/performance.md)."""
    status, said, body = curl.request(
        method,
        url,
        data=data,
        headers=headers,
        connect_s=CONNECT_SECONDS,
        whole_s=read_s,
        most_bytes=answer_body.MAX_ANSWER_BYTES,
    )
    found = CaseInsensitiveDict(said)
    return Answer(status, found, decoded(body, found.get("Content-Type", "")))


def wait_for(budgets: Sequence[Budget]) -> Taken:
    """Reserve a slot for one call in each budget and wait for it. Raises RateLimited if the wait would be too long."""
    try:
        taken = limiter.take(budgets, patience_s=MAX_RATE_LIMIT_WAIT_SECONDS)
    except NotNow as later:
        raise RateLimited(later.wait_s) from None
    if taken.wait_s:
        clock.sleep(taken.wait_s)
        if quiet_s := throttle.quiet_s(budgets):  # requested while we waited
            limiter.give_back(taken)
            raise RateLimited(quiet_s)
    return taken


def _unsent(error: BaseException) -> str:
    """Return why a call to a user-supplied address could not be sent."""
    if isinstance(error, requests.exceptions.SSLError):
        return curl.NOT_SECURE
    if isinstance(error, requests.exceptions.ConnectTimeout):
        return "it could not be connected in time"
    if "resolve" in str(error):  # part of the message of requests_hardened
        return curl.NO_HOST
    return "the connection failed"


def _refused(error: BaseException) -> bool:
    cause = getattr(error.args[0], "reason", None) if error.args else None
    return isinstance(error, NewConnectionError) or isinstance(cause, NewConnectionError)


_sessions = threading.local()
_carrier: requests.Session | None = None


@contextmanager
def carried_by(adapter: BaseAdapter) -> Iterator[None]:
    """Send every call through `adapter` instead of the network while the block runs. For the simulation."""
    global _carrier  # noqa: PLW0603 -- one adapter for the whole process
    before, _carrier = _carrier, requests.Session()
    _carrier.trust_env = False
    _carrier.mount("https://", adapter)
    _carrier.mount("http://", adapter)
    try:
        yield
    finally:
        _carrier = before


def _session() -> requests.Session:
    """Return this thread's session for user-supplied addresses; connections are kept alive and reused."""
    if _carrier is not None:
        return _carrier
    if not hasattr(_sessions, "public"):
        config = Config(
            ip_filter_enable=True,
            ip_filter_allow_loopback_ips=False,
            never_redirect=True,
            default_timeout=(CONNECT_SECONDS, READ_SECONDS),
        )
        _sessions.public = deadline.watched(Manager(config).get_session())
        _sessions.public.trust_env = False
    found: requests.Session = _sessions.public
    return found
