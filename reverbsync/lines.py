"""Lines to hosts that the operator named: HTTP/1.1 over connections that are kept alive and shared by all threads.

A session for any address works out proxies, cookies, redirects and retries, and reads headers as e-mail has them. None
of that is wanted here, and it costs more than all else that is done with a call (docs/performance.md).
"""

from __future__ import annotations

import re
import socket
import ssl
import zlib
from collections import deque
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from typing import BinaryIO
from urllib.parse import urlsplit

from requests.utils import DEFAULT_CA_BUNDLE_PATH
from urllib3.util.wait import wait_for_read

CHUNK = 65_536
#: Lines to one host that are kept alive; more are made when more are needed at once.
KEPT = 32
#: The longest line of an answer's head, and the most of them.
LONGEST, MOST = 65_536, 200
_UNSAFE = re.compile(r"[\x00-\x20\x7f-\uffff]")


class NoLine(Exception):
    """Nobody could be reached, so nothing was sent. `in_time` is False when that took too long."""

    def __init__(self, *, in_time: bool) -> None:
        """Keep what is known."""
        super().__init__("no line")
        self.in_time = in_time


class Broken(Exception):
    """The line broke, or what came over it is not HTTP, before a whole answer was there."""


class Unsendable(Exception):
    """What was to be sent is no path or header: nothing was sent."""


class Headers(dict[str, str]):
    """Headers by their names in lower case."""

    def get(self, name: str, default: str = "") -> str:  # type: ignore[override]
        """Return a header, whatever the case of its name."""
        return super().get(name.lower(), default)


@dataclass
class Answer:
    """The head of an answer, and where its body is read from."""

    status: int
    headers: Headers
    body: Iterator[bytes]


@dataclass
class _Line:
    socket: socket.socket
    reader: BinaryIO

    def close(self) -> None:
        self.reader.close()
        self.socket.close()


class Lines:
    """The lines to one host, such as `https://api.reverb.com`."""

    def __init__(self, root: str) -> None:
        """No line is open yet."""
        parts = urlsplit(root)
        self._secure = parts.scheme == "https"
        self._named = parts.netloc.rpartition("@")[2]
        self._host, self._port = parts.hostname or "", parts.port or (443 if self._secure else 80)
        self._idle: deque[_Line] = deque()

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
    ) -> Iterator[Answer]:
        """Make a call and yield its answer; the line is used again if the body was read to its end.

        Raises Unsendable or NoLine when nothing was sent; else Broken, or TimeoutError after a silence of `read_s`.
        """
        request = _request(method, target, {"Host": self._named, **headers}, body)
        line = self._free() or self._new(connect_s)
        whole = False
        try:
            line.socket.settimeout(read_s)
            line.socket.sendall(request)
            status, said = _head(line.reader)
            body_of = _Body(line.reader, status, said)
            yield Answer(status, said, body_of.chunks())
            whole = body_of.over and body_of.stays_open
        except TimeoutError:
            raise
        except (OSError, ValueError, zlib.error) as error:
            raise Broken from error
        finally:
            # What is left of an answer must not be taken for the next one.
            if whole and len(self._idle) < KEPT:
                self._idle.append(line)
            else:
                line.close()

    def _free(self) -> _Line | None:
        """Return a line that is open and on which nothing has come: that would be its end."""
        while self._idle:
            try:
                line = self._idle.pop()
            except IndexError:  # another thread was quicker
                return None
            if not wait_for_read(line.socket, timeout=0.0):
                return line
            line.close()
        return None

    def _new(self, connect_s: float) -> _Line:
        plain: socket.socket | None = None
        try:
            made = plain = socket.create_connection((self._host, self._port), timeout=connect_s)
            plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if self._secure:
                made = _certified().wrap_socket(plain, server_hostname=self._host)
        except OSError as error:
            if plain is not None:
                plain.close()
            raise NoLine(in_time=not isinstance(error, TimeoutError)) from error
        return _Line(made, made.makefile("rb"))


# -- what goes out -------------------------------------------------------------------------------------------------


def _request(method: str, target: str, headers: Mapping[str, str], body: bytes | None) -> bytes:
    if _UNSAFE.search(target):
        raise Unsendable
    if body is not None or method in ("POST", "PUT", "PATCH"):
        headers = {**headers, "Content-Length": str(len(body or b""))}
    for value in headers.values():
        if "\r" in value or "\n" in value:
            raise Unsendable
    lines = [f"{method} {target} HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items()), "", ""]
    try:
        return "\r\n".join(lines).encode("latin-1") + (body or b"")
    except UnicodeEncodeError:
        raise Unsendable from None


# -- what comes back -----------------------------------------------------------------------------------------------


def _head(reader: BinaryIO) -> tuple[int, Headers]:
    """Read an answer's status and headers, past those that only say that it is on its way."""
    while True:
        version, _, rest = _read_line(reader).partition(" ")
        if not version.startswith("HTTP/1."):
            raise Broken
        headers = Headers()
        for _ in range(MOST):
            text = _read_line(reader)
            if not text:
                break
            name, colon, value = text.partition(":")
            if not colon:
                raise Broken
            known = headers.get(name)
            headers[name.lower()] = f"{known}, {value.strip()}" if known else value.strip()
        else:
            raise Broken
        status = int(rest[:3])
        if status >= 200:
            if version == "HTTP/1.0":
                headers.setdefault("connection", "close")
            return status, headers


def _read_line(reader: BinaryIO) -> str:
    line = reader.readline(LONGEST)
    if not line.endswith(b"\n"):
        raise Broken
    return line.rstrip(b"\r\n").decode("latin-1")


class _Body:
    """The body of an answer: so many bytes, or in chunks, or until the line is closed."""

    def __init__(self, reader: BinaryIO, status: int, headers: Headers) -> None:
        self._reader = reader
        self._chunked = "chunked" in headers.get("Transfer-Encoding").lower()
        length = headers.get("Content-Length")
        self._length = int(length) if length and not self._chunked else None
        if status in (204, 304):
            self._chunked, self._length = False, 0
        self._packed = headers.get("Content-Encoding").lower() == "gzip"
        self.stays_open = self._chunked or self._length is not None
        if "close" in headers.get("Connection").lower():
            self.stays_open = False
        #: It was read to its end.
        self.over = False

    def chunks(self) -> Iterator[bytes]:
        """Yield the body, unpacked. Raises Broken when it ends too early."""
        raw = self._in_chunks() if self._chunked else self._raw(self._length)
        yield from _unzipped(raw) if self._packed else raw
        self.over = True

    def _raw(self, length: int | None) -> Iterator[bytes]:
        left = length
        while left is None or left > 0:
            chunk = self._reader.read(CHUNK if left is None else min(CHUNK, left))
            if not chunk:
                break
            left = None if left is None else left - len(chunk)
            yield chunk
        if left:
            raise Broken

    def _in_chunks(self) -> Iterator[bytes]:
        while size := int(_read_line(self._reader).partition(";")[0], 16):
            yield from self._raw(size)
            if _read_line(self._reader):
                raise Broken
        while _read_line(self._reader):  # what may follow the last chunk says nothing to us
            pass


def _unzipped(raw: Iterator[bytes]) -> Iterator[bytes]:
    unzip = zlib.decompressobj(zlib.MAX_WBITS | 16)
    for chunk in raw:
        left = chunk
        while left and not unzip.eof:  # never more than a chunk at a time, whatever it unpacks to
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
