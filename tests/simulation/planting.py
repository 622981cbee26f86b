"""How a bug is planted: a function of ours is replaced while a block runs, and counted how often it is called."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any
from unittest import mock

Mutant = Callable[[], AbstractContextManager[Any]]

#: Mutant → how often our code came to what it replaces. One that is never reached proves nothing: names may have moved.
called: Counter[str] = Counter()
#: The bugs that are planted now.
planted_now: list[str] = []


def instead(owner: Any, name: str, new: Callable[..., Any]) -> AbstractContextManager[Any]:
    """Replace a function of ours, and count how often it is called."""

    def counting(*args: Any, **named: Any) -> Any:
        called.update(planted_now)
        return new(*args, **named)

    return mock.patch.object(owner, name, counting)


def always(value: Any) -> Callable[..., Any]:
    """Return a function that returns this whatever it is given."""
    return lambda *_, **__: value
