"""Strategies of what else could come: any JSON, JSON near to what is right, any bytes, any header."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.db import transaction
from hypothesis import strategies as st

ODD_TEXTS = (
    "",
    "0",
    "-1",
    "2.5",
    "NaN",
    "1e400",
    "9" * 29,
    "9" * 70,
    "\0",
    "a\0b",
    "\ud83c",
    "x\udc00",
    "é" * 700,
    "0001-01-01T00:00:00Z",
    "9999-12-31T23:59:59Z",
    "2026-11-02T12:00:00Z",
    "2026-11-02",
    "<!doctype html>",
)
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.sampled_from([0, -1, 2**31, 2**63, 10**30, 10**400, float("nan"), float("inf"), -0.0, 2.5])
    | st.sampled_from(ODD_TEXTS)
    | st.text(max_size=8)
)
ANYTHING = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=8,
)
DEEP = b'{"a":' * 3000 + b"1" + b"}" * 3000
BYTES = st.binary(max_size=40) | st.sampled_from(
    [
        b"",
        b"null",
        b"[]",
        b"{}",
        b"\xef\xbb\xbf{}",
        b"\xff\xfe{\x00}\x00",
        b"{" * 3000,
        b'{"a":' * 3000 + b"1" + b"}" * 3000,
    ]
)


@st.composite
def near(draw: st.DrawFn, right: Any) -> Any:
    """Return `right` with a few of its values replaced, left out or doubled, wherever they stand in it."""
    return _changed(draw, right, draw(st.integers(0, 3)))


def _changed(draw: st.DrawFn, value: Any, changes: int) -> Any:
    for _ in range(changes):
        value = _one_change(draw, value)
    return value


def _one_change(draw: st.DrawFn, value: Any) -> Any:
    if not isinstance(value, dict | list) or not value or draw(st.integers(0, 4)) == 0:
        return draw(ANYTHING)
    if isinstance(value, list):
        at = draw(st.integers(0, len(value) - 1))
        if draw(st.booleans()):
            return [*value, value[at]]
        return [*value[:at], _one_change(draw, value[at]), *value[at + 1 :]]
    name = draw(st.sampled_from(sorted(value)))
    if draw(st.integers(0, 5)) == 0:
        return {key: one for key, one in value.items() if key != name}
    return {**value, name: _one_change(draw, value[name])}


def as_bytes(said: Any) -> bytes:
    """Return JSON as a careless sender writes it: NaN and halves of surrogate pairs included."""
    return json.dumps(said).encode()


@contextmanager
def undone() -> Iterator[None]:
    """Undo in the database what the block did, whatever became of it."""
    with transaction.atomic():
        try:
            yield
        finally:
            transaction.set_rollback(True)
