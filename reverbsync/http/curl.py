"""One request by libcurl, which needs a fraction of the CPU of Python's HTTP clients.

A server may close a keep-alive connection at any time, perhaps while we send. Libcurl then sends again on a new
connection. A read may therefore be sent twice. A write may not: it is sent once, and never on a connection that idled
for long.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass, field

import pycurl
from requests.utils import DEFAULT_CA_BUNDLE_PATH

#: Methods that change nothing on the server.
READINGS = frozenset({"GET", "HEAD"})
#: Seconds after which a write no longer reuses a connection: servers close theirs after two or more.
IDLE_S = 1
#: Message if a server's certificate is invalid, or its TLS is not supported.
NOT_SECURE = "no secure connection could be made, perhaps since its certificate has expired"
NO_HOST = "no server goes by its name, as far as the DNS tells"
_NOT_SECURE = frozenset({pycurl.E_PEER_FAILED_VERIFICATION, pycurl.E_SSL_CONNECT_ERROR, pycurl.E_SSL_CACERT_BADFILE})


class Failed(Exception):
    """No complete response arrived. `words` say why, without any address.

    `sent` is False only if certainly nothing was sent. `too_large`: the response exceeds the requested limit.
    """

    def __init__(self, words: str, *, sent: bool, too_large: bool = False) -> None:
        """Store the details."""
        super().__init__(words)
        self.words, self.sent, self.too_large = words, sent, too_large


@dataclass
class _Exchange:
    """What libcurl reports about one request in progress."""

    most_bytes: int
    #: How often it may be sent.
    times: int
    lines: list[bytes] = field(default_factory=list)
    body: bytearray = field(default_factory=bytearray)
    began: int = 0
    too_large: bool = False

    def goes_out(self, *_: object) -> int:
        """Allow the request to be sent as often as `times` says."""
        self.began += 1
        return pycurl.PREREQFUNC_OK if self.began <= self.times else pycurl.PREREQFUNC_ABORT

    def header(self, line: bytes) -> None:
        """Store a header line; a status line begins a new set, as after 100 Continue."""
        if line.startswith(b"HTTP/"):
            self.lines.clear()
        self.lines.append(line)

    def take(self, chunk: bytes) -> int | None:
        """Store a chunk of the body; -1 aborts the transfer."""
        if len(self.body) + len(chunk) > self.most_bytes:
            self.too_large = True
            return -1
        self.body += chunk
        return None

    def headers(self) -> list[tuple[str, str]]:
        """Return the headers of the response."""
        pairs = (line.decode("latin-1").partition(":") for line in self.lines[1:])
        return [(name.strip(), value.strip()) for name, colon, value in pairs if colon]


def request(
    method: str,
    url: str,
    *,
    data: bytes | None,
    headers: Mapping[str, str],
    connect_s: float,
    whole_s: float,
    most_bytes: int,
) -> tuple[int, list[tuple[str, str]], bytes]:
    """Return status, headers and body of the response. Follows no redirects and uses no proxy. Raises Failed.

    This thread keeps the connection alive and reuses it. `whole_s` is the time-out for the entire request, in seconds.
    """
    exchange, line = _Exchange(most_bytes, 2 if method in READINGS else 1), _line()
    line.reset()
    _set(line, exchange, url, connect_s, whole_s)
    line.setopt(pycurl.HTTPHEADER, [f"{name}: {value}" for name, value in headers.items()] + ["Expect:"])
    line.setopt(pycurl.CUSTOMREQUEST, method)
    if method not in READINGS:
        line.setopt(pycurl.MAXAGE_CONN, IDLE_S)
    if data is not None:
        line.setopt(pycurl.POSTFIELDS, data)
    elif method == "HEAD":
        line.setopt(pycurl.NOBODY, True)
    try:
        line.perform()
    except pycurl.error as error:
        words = _words(int(error.args[0]), exchange)
        raise Failed(words, sent=exchange.began > 0, too_large=exchange.too_large) from None
    return line.getinfo(pycurl.RESPONSE_CODE), exchange.headers(), bytes(exchange.body)


def _set(line: pycurl.Curl, exchange: _Exchange, url: str, connect_s: float, whole_s: float) -> None:
    line.setopt(pycurl.URL, url)
    line.setopt(pycurl.PROTOCOLS, pycurl.PROTO_HTTP | pycurl.PROTO_HTTPS)
    line.setopt(pycurl.HTTP_VERSION, pycurl.CURL_HTTP_VERSION_1_1)
    line.setopt(pycurl.PROXY, "")
    line.setopt(pycurl.CAINFO, DEFAULT_CA_BUNDLE_PATH)
    line.setopt(pycurl.ACCEPT_ENCODING, "gzip, deflate")
    line.setopt(pycurl.NOSIGNAL, True)
    line.setopt(pycurl.CONNECTTIMEOUT_MS, round(connect_s * 1000))
    line.setopt(pycurl.TIMEOUT_MS, round(whole_s * 1000))
    line.setopt(pycurl.PREREQFUNCTION, exchange.goes_out)
    line.setopt(pycurl.HEADERFUNCTION, exchange.header)
    line.setopt(pycurl.WRITEFUNCTION, exchange.take)


def _words(code: int, exchange: _Exchange) -> str:
    if exchange.too_large:
        return "its answer is too large"
    if code in _NOT_SECURE and not exchange.began:
        return NOT_SECURE
    if code == pycurl.E_COULDNT_RESOLVE_HOST:
        return NO_HOST
    if code != pycurl.E_OPERATION_TIMEDOUT:
        return "the connection failed"
    if not exchange.began:
        return "it could not be connected in time"
    return "its answer came too slowly" if exchange.lines else "it did not answer in time"


_lines = threading.local()


def _line() -> pycurl.Curl:
    """Return this thread's handle, which keeps connections alive."""
    if not hasattr(_lines, "one"):
        _lines.one = pycurl.Curl()
    found: pycurl.Curl = _lines.one
    return found
