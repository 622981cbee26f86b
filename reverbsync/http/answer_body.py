"""Read the body of an answer within bounds of size and time, as text."""

from __future__ import annotations

import codecs
from collections.abc import Iterable
from functools import lru_cache

from reverbsync import clock
from reverbsync.http.errors import TooLarge, Unreachable

MAX_ANSWER_BYTES = 20 * 1024 * 1024
CHUNK = 65_536


def read_body(chunks: Iterable[bytes], read_s: float) -> bytes:
    """Return the body. Raises TooLarge, and Unreachable if it takes longer than half of `read_s` seconds."""
    read = bytearray()
    over = clock.monotonic() + read_s / 2
    for chunk in chunks:
        read += chunk
        if clock.monotonic() > over:
            raise Unreachable("its answer came too slowly", may_have_applied=True)
        if len(read) > MAX_ANSWER_BYTES:
            raise TooLarge("its answer is too large", may_have_applied=True)
    return bytes(read)


def decoded(body: bytes, content_type: str) -> str:
    """Decode a body with the charset of its Content-Type, else as UTF-8; never raises."""
    try:
        return body.decode(_charset(content_type), errors="replace")
    except (LookupError, ValueError):  # such as "base64", a codec that does not decode to text
        return body.decode(errors="replace")


@lru_cache(maxsize=64)
def _charset(content_type: str) -> str:
    """Return the charset of a Content-Type; UTF-8 if it names no known one."""
    name = content_type.lower().partition("charset=")[2].split(";")[0].strip("\"' ")
    try:
        return codecs.lookup(name).name if name else "utf-8"
    except LookupError:
        return "utf-8"
