"""Make calls to a store, and turn the errors of HTTP and the rate limiter into StoreErrors."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from reverbsync.dispatch import ownership
from reverbsync.http import errors
from reverbsync.http.outbound import Answer
from reverbsync.ratelimit import throttle
from reverbsync.ratelimit.budget import Budget, RateLimitUnavailable
from shops import breaker
from shops.platforms.errors import Away, StoreAuthError, StoreError, TooLarge, TransientStoreError

#: A store on the seller's own server may be slow.
PATIENT_S = 60.0
DEFAULT_RETRY_AFTER = 2.0


def call(
    store: str,
    method: str,
    url: str,
    *,
    budgets: Sequence[Budget],
    headers: Mapping[str, str],
    body: object = None,
    read_s: float = PATIENT_S,
) -> Answer:
    """Make one call and return its HTTP answer; `store` is the error sentences' first word, such as "WooCommerce".

    If the worker has lost its lease, no call is made and ownership.Lost is raised. While the circuit breaker of a store
    is open, only probes are sent (shops/breaker.py).

    Raise Away if nothing answered, with `may_have_applied` if a write may have been applied. Raise TooLarge if the
    answer exceeds the size limit, and StoreAuthError if the address may not be called.
    """
    try:
        return breaker.call(
            budgets[0].name,
            method,
            url,
            budgets=budgets,
            headers=headers,
            body=body,
            read_s=read_s,
            before=ownership.confirm,
        )
    except breaker.Open as away:
        raise Away(f"{store} {away}", retry_after=away.retry_after) from None
    except errors.RateLimited as limited:
        raise TransientStoreError(f"{store} asks us to wait.", retry_after=limited.retry_after) from None
    except errors.NotAllowed as error:
        raise StoreAuthError(f"{store}: {error}.") from None
    except errors.Unreachable as error:
        kind = TooLarge if isinstance(error, errors.TooLarge) else Away
        raise kind(f"{store}: {error}.", may_have_applied=error.may_have_applied and method != "GET") from None


@contextmanager
def written() -> Iterator[None]:
    """Set `may_have_applied` on errors raised in the block, such as reading a write back."""
    try:
        yield
    except StoreError as error:
        error.may_have_applied = True
        raise


def json_of(store: str, answer: Answer) -> Any:
    """Return the answer's JSON. An HTML page comes from a proxy in front of the store: raise Away."""
    try:
        return answer.json()
    except ValueError:
        maybe = answer.status < 300 or answer.status >= 500
        raise Away(f"{store} sent a page instead of an answer ({answer.status}).", may_have_applied=maybe) from None


def slow_down(store: str, budget: Budget, answer: Answer, *, seconds: float | None = None) -> TransientStoreError:
    """Block all workers' calls to this store for as long as it requested; return the error to raise."""
    asked_s = retry_after_s(answer) if seconds is None else seconds
    wait = min(900.0, max(1.0, DEFAULT_RETRY_AFTER if asked_s is None else asked_s))
    hold(budget, wait)
    return TransientStoreError(f"{store} asks us to wait.", retry_after=wait)


def retry_after_s(answer: Answer) -> float | None:
    """Return the seconds of a Retry-After header, None if it is absent or a date."""
    header = answer.headers.get("Retry-After", "").strip()
    return float(header) if header.isascii() and header.replace(".", "", 1).isdigit() else None


def hold(budget: Budget, seconds: float) -> None:
    """Block all workers' calls of a budget for `seconds`. Without Redis no call is made anyway."""
    with contextlib.suppress(RateLimitUnavailable):
        throttle.block(budget.name, seconds)
