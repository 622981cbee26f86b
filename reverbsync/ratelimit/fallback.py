"""The rate limiter while Redis is down: each process uses a hundredth, so a hundred processes keep the limits."""

from __future__ import annotations

import threading
from collections.abc import Sequence

from reverbsync import clock

#: Part of a budget that one process may use by itself.
PART = 0.01

#: Name of a budget, name of its throttle, and calls a minute.
Alone = tuple[str, str, int]

_lock = threading.Lock()
_due: dict[str, float] = {}
_quiet: dict[str, float] = {}


def take(budgets: Sequence[Alone], patience_s: float) -> tuple[bool, float]:
    """Reserve one call in every budget if it may be made within `patience_s`; return whether, and the seconds to wait.

    The first call waits: a process that lost Redis does not know which calls the others just made.
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
    """Stop this process's calls under the throttle `name` for `seconds`."""
    with _lock:
        _quiet[name] = max(_quiet.get(name, 0.0), clock.monotonic() + seconds)
        if len(_quiet) > 10_000:
            _forget_old()


def over() -> None:
    """Reset after Redis is back: the next outage begins with a wait again."""
    if _due:
        with _lock:
            _due.clear()


def forget() -> None:
    """Forget everything, like a new process."""
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
