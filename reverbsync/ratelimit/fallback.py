"""The rate limiter while Redis is gone: each process by itself, at a hundredth, so that a hundred keep the limits."""

from __future__ import annotations

import threading
from collections.abc import Sequence

from reverbsync import clock

#: Part of a budget that one process may use by itself.
PART = 0.01

#: Name of a budget, whose wish to slow down holds for it, calls a minute.
Alone = tuple[str, str, int]

_lock = threading.Lock()
_due: dict[str, float] = {}
_quiet: dict[str, float] = {}


def take(budgets: Sequence[Alone], patience_s: float) -> tuple[bool, float]:
    """Take one call from every budget if it may be made within `patience_s`; return whether, and the seconds to wait.

    It begins with a pause: a process that lost Redis does not know what the others called a moment ago.
    """
    with _lock:
        wait = _wait(budgets)
        if wait > patience_s:
            return False, wait
        at = clock.monotonic() + wait
        for name, _, per_minute in budgets:
            _due[name] = at + 60 / (per_minute * PART)
        return True, wait


def wait_s(budgets: Sequence[Alone]) -> float:
    """Return the seconds until a call could be made."""
    with _lock:
        return _wait(budgets)


def block(name: str, seconds: float) -> None:
    """Stop this process's calls that go by `name`."""
    with _lock:
        _quiet[name] = max(_quiet.get(name, 0.0), clock.monotonic() + seconds)
        if len(_quiet) > 10_000:
            _forget_old()


def over() -> None:
    """Redis is back: the next time that it is lost begins with a pause again."""
    if _due:
        with _lock:
            _due.clear()


def forget() -> None:
    """Forget all, as a new process knows nothing."""
    with _lock:
        _due.clear()
        _quiet.clear()


def _wait(budgets: Sequence[Alone]) -> float:
    now = clock.monotonic()
    first = {name: _due.setdefault(name, now + 60 / (per_minute * PART)) for name, _, per_minute in budgets}
    quiet = [_quiet.get(name, 0.0) for _, name, _ in budgets]
    return max(0.0, *[at - now for at in [*first.values(), *quiet]])


def _forget_old() -> None:
    now = clock.monotonic()
    for name in [name for name, until in _quiet.items() if until < now]:
        del _quiet[name]
