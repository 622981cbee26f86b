"""HTTP without a network: requests' own objects, and a WSGI application as the server."""

from __future__ import annotations

import io
import sys
from collections.abc import Callable, Iterable, Mapping
from http.client import RemoteDisconnected
from typing import Any
from urllib.parse import unquote, urlsplit

import requests
from requests.adapters import BaseAdapter
from requests.models import PreparedRequest, Response
from urllib3.connectionpool import HTTPConnectionPool
from urllib3.exceptions import MaxRetryError, NewConnectionError, ProtocolError
from urllib3.response import HTTPResponse

Wsgi = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]


#: Time-out of a caller that sets none.
PATIENCE_S = 20.0


class Answered:
    """The response of a WSGI application."""

    def __init__(self, status: int, headers: Iterable[tuple[str, str]], body: bytes) -> None:
        self.status, self.headers, self.body = status, list(headers), body


def ask(application: Wsgi, request: PreparedRequest) -> Answered:
    """Send a request to an application and return its response."""
    said: list[Any] = []
    chunks = application(_environ(request), lambda status, headers, *_: said.extend([status, headers]))
    body = b"".join(chunks)
    close = getattr(chunks, "close", None)
    if close is not None:
        close()
    return Answered(int(said[0].partition(" ")[0]), said[1], body)


def _environ(request: PreparedRequest) -> dict[str, Any]:
    parts = urlsplit(request.url or "")
    body = request.body or b""
    raw = body.encode() if isinstance(body, str) else bytes(body)
    headers: Mapping[str, str] = request.headers
    named = {"HTTP_" + name.upper().replace("-", "_"): str(value) for name, value in headers.items()}
    host = str(parts.hostname)
    return {
        "REQUEST_METHOD": request.method,
        "SCRIPT_NAME": "",
        "PATH_INFO": unquote(str(parts.path) or "/"),
        "QUERY_STRING": parts.query,
        "RAW_URI": str(parts.path) + (f"?{parts.query}" if parts.query else ""),  # like gunicorn
        "SERVER_NAME": host,
        "SERVER_PORT": str(parts.port or 80),
        "SERVER_PROTOCOL": "HTTP/1.1",
        "REMOTE_ADDR": "127.0.0.1",
        "CONTENT_TYPE": named.pop("HTTP_CONTENT_TYPE", ""),
        "CONTENT_LENGTH": str(len(raw)),
        **named,
        "HTTP_HOST": parts.netloc,
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": parts.scheme,
        "wsgi.input": io.BytesIO(raw),
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": False,
        "wsgi.multiprocess": True,
        "wsgi.run_once": False,
    }


class Adapter(BaseAdapter):
    """Carries requests to a function instead of a network."""

    def __init__(self, carry: Callable[[PreparedRequest, float], Answered]) -> None:
        """`carry` takes the request and its time-out in seconds; it returns the response, or raises like requests."""
        super().__init__()
        self._carry = carry

    def send(self, request: PreparedRequest, *_: Any, timeout: Any = None, **__: Any) -> Response:
        """Carry a request."""
        read_s = timeout[1] if isinstance(timeout, tuple) else timeout
        return _response(request, self._carry(request, float(read_s or PATIENCE_S)))

    def close(self) -> None:
        """Do nothing: there is nothing to close."""


def session(carry: Callable[[PreparedRequest], Answered]) -> requests.Session:
    """Return a session whose requests are carried by a function."""
    made = requests.Session()
    made.trust_env = False
    for scheme in ("http://", "https://"):
        made.mount(scheme, Adapter(lambda request, _: carry(request)))
    return made


def _response(request: PreparedRequest, answered: Answered) -> Response:
    raw = HTTPResponse(
        io.BytesIO(answered.body), headers=dict(answered.headers), status=answered.status, preload_content=False
    )
    response = Response()
    response.status_code = answered.status
    response.headers = requests.structures.CaseInsensitiveDict(answered.headers)
    response.encoding = requests.utils.get_encoding_from_headers(response.headers)
    response.raw, response.url, response.request = raw, str(request.url), request
    return response


def broken() -> requests.ConnectionError:
    """Return requests' error for a connection that breaks before a response: the call may have been applied."""
    cause = RemoteDisconnected("Remote end closed connection without response")
    return requests.ConnectionError(ProtocolError("Connection aborted.", cause))


def refused(url: str) -> requests.ConnectionError:
    """Return requests' error for a refused connection: the call was certainly not applied."""
    pool = HTTPConnectionPool(str(urlsplit(url).hostname))
    return requests.ConnectionError(MaxRetryError(pool, url, NewConnectionError(pool, "Connection refused")))  # type: ignore[arg-type]
