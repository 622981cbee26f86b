"""Plant a bug: replace a function of ours while a block runs, and count its calls."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any
from unittest import mock

Mutant = Callable[[], AbstractContextManager[Any]]

#: Mutant → calls of what it replaces. One that is never called proves nothing: names may have changed.
called: Counter[str] = Counter()
#: The bugs that are planted now.
planted_now: list[str] = []


def instead(owner: Any, name: str, new: Callable[..., Any]) -> AbstractContextManager[Any]:
    """Replace a function of ours, and count its calls."""

    def counting(*args: Any, **named: Any) -> Any:
        called.update(planted_now)
        return new(*args, **named)

    return mock.patch.object(owner, name, counting)


def always(value: Any) -> Callable[..., Any]:
    """Return a function that always returns `value`."""
    return lambda *_, **__: value
