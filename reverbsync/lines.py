"""Lines to hosts that the operator named: kept alive and shared by all threads, without what a session does for others.

A session works out proxies, cookies, redirects and retries for each call; none of them is wanted here, and they cost
more than the call (docs/performance.md).
"""

from __future__ import annotations

import ssl
import zlib
from collections import deque
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import lru_cache
from http.client import HTTPConnection, HTTPException, HTTPResponse, HTTPSConnection
from urllib.parse import urlsplit

from requests.utils import DEFAULT_CA_BUNDLE_PATH
from urllib3.util.wait import wait_for_read

CHUNK = 65_536
#: Lines to one host that are kept alive; more are made when more are needed at once.
KEPT = 32


class NoLine(Exception):
    """Nobody could be reached, so nothing was sent. `in_time` is False when that took too long."""

    def __init__(self, *, in_time: bool) -> None:
        """Keep what is known."""
        super().__init__("no line")
        self.in_time = in_time


class Broken(Exception):
    """The line broke before a whole answer came."""


class Lines:
    """The lines to one host, such as `https://api.reverb.com`."""

    def __init__(self, root: str) -> None:
        """No line is open yet."""
        parts = urlsplit(root)
        self._secure = parts.scheme == "https"
        self._host, self._port = parts.hostname or "", parts.port
        self._idle: deque[HTTPConnection] = deque()

    @contextmanager
    def asking(
        self,
        method: str,
        target: str,
        body: bytes | None,
        headers: Mapping[str, str],
        *,
        connect_s: float,
        read_s: float,
    ) -> Iterator[HTTPResponse]:
        """Make a call and yield its answer, of which `chunks` reads the body; what is left of it is not read.

        Raises NoLine before anything was sent; then Broken or TimeoutError.
        """
        line = self._free() or self._new(connect_s)
        whole = False
        try:
            line.sock.settimeout(read_s)
            line.request(method, target, body, headers)
            response = line.getresponse()
            yield response
            whole = response.isclosed() and not response.will_close
        except TimeoutError:
            raise
        except (HTTPException, OSError, zlib.error) as error:
            raise Broken from error
        finally:
            # What is left of an answer must not be taken for the next one.
            if whole and len(self._idle) < KEPT:
                self._idle.append(line)
            else:
                line.close()

    def _free(self) -> HTTPConnection | None:
        """Return a line that is open and on which nothing has come: that would be its end."""
        while self._idle:
            try:
                line = self._idle.pop()
            except IndexError:  # another thread was quicker
                return None
            if line.sock is not None and not wait_for_read(line.sock, timeout=0.0):
                return line
            line.close()
        return None

    def _new(self, connect_s: float) -> HTTPConnection:
        if self._secure:
            line: HTTPConnection = HTTPSConnection(self._host, self._port, timeout=connect_s, context=_certified())
        else:
            line = HTTPConnection(self._host, self._port, timeout=connect_s)
        try:
            line.connect()
        except OSError as error:
            line.close()
            raise NoLine(in_time=not isinstance(error, TimeoutError)) from error
        return line


def chunks(response: HTTPResponse) -> Iterator[bytes]:
    """Yield an answer's body, unpacked. Raises Broken when it ends too early."""
    packed = response.headers.get("Content-Encoding", "").lower() == "gzip"
    yield from _unzipped(response) if packed else _raw(response)


def _raw(response: HTTPResponse) -> Iterator[bytes]:
    while chunk := response.read(CHUNK):
        yield chunk
    if response.length:
        raise Broken


def _unzipped(response: HTTPResponse) -> Iterator[bytes]:
    unzip = zlib.decompressobj(zlib.MAX_WBITS | 16)
    for chunk in _raw(response):
        left = chunk
        while left:  # never more than a chunk at a time, whatever it unpacks to
            yield unzip.decompress(left, CHUNK)
            left = unzip.unconsumed_tail
    if not unzip.eof:
        raise Broken


@lru_cache(maxsize=1)
def _certified() -> ssl.SSLContext:
    return ssl.create_default_context(cafile=DEFAULT_CA_BUNDLE_PATH)


@lru_cache(maxsize=64)
def to(root: str) -> Lines:
    """Return the lines to a host."""
    return Lines(root)
