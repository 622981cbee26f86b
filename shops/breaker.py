"""A circuit breaker for each store and each Reverb account, shared by all workers.

    closed      calls are sent; consecutive failures add to a score, slow ones more
    open        calls fail at once with Open, and nothing is sent
    half-open   one worker sends a single probe: success closes the breaker, failure opens it again

A part of a service may work while another fails: the probe then closes the breaker, and other calls open it again. So
each time it opens within `CALM` of its last failure, the wait for the next probe is longer.

A slow or unreachable service blocks a worker thread for up to a minute per call. With the breaker, a hanging store
occupies one thread at a time, only occasionally, and all workers share what one has learnt.

The state is a row in PostgreSQL, which is deleted once all has been well for a while. So a healthy call costs only a
lookup in a snapshot that each process reads once a second, and no state is lost or inconsistent when Redis is down. A
probe is claimed by one conditional UPDATE.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

from django.db import connection
from django.db.models import F, Q

from reverbsync import clock
from reverbsync.backoff import doubled_s
from reverbsync.http import errors, outbound
from reverbsync.http.outbound import Answer
from reverbsync.ratelimit import current_work
from reverbsync.ratelimit.budget import Budget
from shops import timeouts
from shops.breaker_snapshot import forget, snapshot
from shops.models import Breaker

#: Score at which the breaker opens: two calls that hung, or six that failed at once.
OPENS_AT = 6
HUNG, FAILED = 3, 1
#: A failure that took this many seconds blocked a thread.
HUNG_S = timeouts.HANGS_S
#: First and longest wait for the next probe. It doubles after each probe that fails or is followed by failures.
FIRST_WAIT_S, LONGEST_WAIT_S = 2.0, 30.0
#: Time-out of the first probe; it doubles with each further one, up to the caller's limit.
PROBE_S = 10.0
#: A probe's claim outlasts its time-outs by this much.
LEEWAY_S = 15.0
#: A service that has worked for this long is forgotten (shops/outages.py).
CALM = timedelta(minutes=15)
#: A service that failed this long ago and was not called since is forgotten.
KEPT_FOR = timedelta(days=1)


class Open(Exception):
    """The breaker is open and nothing was sent. `retry_after` is in seconds until the next probe is due."""

    def __init__(self, retry_after: float) -> None:
        """Save `retry_after` and build the message."""
        super().__init__(f"isn't responding, so we paused our calls. We retry in {max(1, round(retry_after))} s.")
        self.retry_after = retry_after


def call(
    name: str,
    method: str,
    url: str,
    *,
    budgets: Sequence[Budget],
    headers: Mapping[str, str],
    read_s: float = outbound.READ_SECONDS,
    **more: Any,
) -> Answer:
    """Make one call unless the breaker `name` is open. Raise Open and the errors of reverbsync.http.outbound.call."""
    seen = snapshot().get(name)
    probe = seen.probes + 1 if seen is not None and seen.probe_at is not None else 0
    if probe:
        read_s = doubled_s(PROBE_S, probe - 1, most_s=read_s)
        _take_probe(name, read_s)
    began, called = clock.monotonic(), False
    try:
        with timeouts.waiting(read_s, probe=bool(probe)) as waits_s:
            answer = outbound.call(method, url, budgets=budgets, headers=headers, read_s=waits_s, **more)
        called = True
    except errors.Unreachable as error:
        called = True
        if isinstance(error, errors.TooLarge):
            succeeded(name, known=seen is not None and not seen.is_well)
        else:
            failed(name, f"{error}.", took_s=clock.monotonic() - began, probe=probe)
        raise
    finally:
        if probe and not called:
            _give_back(name)
    if is_own(answer):
        succeeded(name, known=seen is not None and not seen.is_well)
    else:
        failed(name, f"it answered {answer.status}.", took_s=clock.monotonic() - began, probe=probe)
    return answer


def retry_after(name: str) -> float:
    """Return the seconds for which calls fail at once, 0.0 while they are sent."""
    seen = snapshot().get(name)
    if seen is None or seen.probe_at is None:
        return 0.0
    return max(0.0, (seen.probe_at - clock.now()).total_seconds())


def wait_s(probes: int) -> float:
    """Return the seconds until the next probe, after `probes` that failed."""
    return doubled_s(FIRST_WAIT_S, probes, most_s=LONGEST_WAIT_S)


def keeps_back(name: str) -> bool:
    """Return whether the breaker would block this worker's current work; bulk work sends no probes."""
    seen = snapshot().get(name)
    return seen is not None and seen.probe_at is not None and (current_work.in_bulk() or retry_after(name) > 0)


# -- what a call came to -------------------------------------------------------------------------------------------


def is_own(answer: Answer) -> bool:
    """Return whether an answer proves that the service works: any JSON, or a rate limit.

    Server errors, redirects and pages come from a proxy in front of it, or from a service that does not work.
    """
    if answer.status in (206, 304, 429):  # 206 is a part of a file, which may start anywhere
        return True
    first = answer.text.lstrip("\ufeff \r\n\t")[:1]
    if 200 <= answer.status < 300:
        return first != "<"
    return 400 <= answer.status < 500 and first in ("{", "[", '"')


def succeeded(name: str, *, known: bool = True) -> None:
    """Close the breaker; the sweeper then makes waiting work due. `known`: it may have failed before."""
    if not known:
        return
    mine = Breaker.objects.filter(name=name)
    closed = {"score": 0, "opened_at": None, "probe_at": None, "probing_until": None, "is_back": True}
    if not mine.filter(probe_at__isnull=False).update(**closed, probes=F("probes") + 1):
        mine.filter(is_back=False, probes=0).delete()
        mine.filter(score__gt=0).update(score=0)
    forget()


def failed(name: str, words: str, *, took_s: float, probe: int = 0) -> None:
    """Count a failure, and open the breaker if the score is reached. `probe`: the probe's ordinal, 0 if it is none."""
    now, seen = clock.now(), snapshot().get(name)
    given: dict[str, Any] = {"name": name, "weight": HUNG if took_s >= HUNG_S else FAILED, "words": words[:200]}
    when: dict[str, Any] = {
        "opens_at": OPENS_AT,
        "probe": probe,
        "now": now,
        "due": now + timedelta(seconds=wait_s(max(probe, seen.probes if seen is not None else 0))),
    }
    with connection.cursor() as cursor:
        cursor.execute(_FAILED, given | when)
    forget()


# An open breaker is only changed by its probe: calls already sent when it opened do not count.
_FAILED = """
INSERT INTO shops_breaker AS breaker (name, score, failed_at, words, probes, is_back)
VALUES (%(name)s, %(weight)s, %(now)s, %(words)s, 0, false)
ON CONFLICT (name) DO UPDATE SET
    score = least(breaker.score + %(weight)s, 1000),
    failed_at = %(now)s,
    words = %(words)s,
    opened_at = CASE WHEN breaker.score + %(weight)s >= %(opens_at)s
                     THEN coalesce(breaker.opened_at, %(now)s) END,
    probe_at = CASE WHEN breaker.probe_at IS NOT NULL AND %(probe)s = 0 THEN breaker.probe_at
                    WHEN breaker.score + %(weight)s >= %(opens_at)s THEN %(due)s END,
    probing_until = CASE WHEN %(probe)s > 0 THEN NULL ELSE breaker.probing_until END,
    probes = greatest(breaker.probes, %(probe)s)
"""


# -- probes --------------------------------------------------------------------------------------------------------


def _take_probe(name: str, read_s: float) -> None:
    """Claim the probe that is due. Raise Open if none is, or another worker has claimed it.

    Bulk work and workers with many pending probes claim none.
    """
    now = clock.now()
    if early_s := retry_after(name):
        raise Open(early_s)
    free = Q(probing_until__isnull=True) | Q(probing_until__lte=now)
    due = Breaker.objects.filter(free, name=name, probe_at__lte=now)
    if (
        current_work.in_bulk()
        or not timeouts.may_probe()
        or not due.update(probing_until=now + timedelta(seconds=read_s + LEEWAY_S))
    ):
        raise Open(FIRST_WAIT_S)


def _give_back(name: str) -> None:
    """Release the claim, since nothing was sent."""
    Breaker.objects.filter(name=name).update(probing_until=None)
    forget()
