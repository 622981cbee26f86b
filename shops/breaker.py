"""A circuit breaker for each store and each account on Reverb, shared by all workers.

    closed      calls go out; failures without a success in between add up, slow ones more
    open        calls fail at once with Open, and nothing is sent
    half-open   one call of one worker goes out as a probe: its success closes the breaker, its failure opens it again

A part of an outside may work while another fails: the probe closes the breaker, and the other calls open it again. So
each time that it opens within `CALM` of its last failure, the wait for the next probe is longer.

What is slow or away costs a worker thread up to a minute a call. So a hanging store has one thread at a time, and only
now and then, and all others learn at once what one has learnt.

The state is a row in PostgreSQL, and there is none while all has been well for a while: so a healthy call costs a look
into a snapshot that each process takes once a second, and nothing is lost or split when Redis is away. Probes are taken
by one conditional UPDATE.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import connection
from django.db.models import F, Q

from reverbsync import clock
from reverbsync.backoff import doubled_s
from reverbsync.http import outbound
from reverbsync.http.outbound import Answer
from reverbsync.ratelimit import limiter
from reverbsync.ratelimit.limiter import Budget
from shops import patience
from shops.models import Breaker

#: At this score the breaker opens: two calls that hung, or six that failed at once.
OPENS_AT = 6
HUNG, FAILED = 3, 1
#: A failure that took so long, in seconds, blocked a thread.
HUNG_S = patience.HANGS_S
#: The wait for the next probe: at first, and at most. It doubles with each one that fails, or is followed by failures.
FIRST_WAIT_S, LONGEST_WAIT_S = 2.0, 30.0
#: How long the first probe may wait for an answer; each further one twice as long, up to what the caller allows.
PROBE_S = 10.0
#: A probe's right outlasts its time-outs by so much.
LEEWAY_S = 15.0
#: How old the snapshot of a process may be.
FRESH_S = 1.0
#: What has worked for so long is forgotten (shops/outages.py).
CALM = timedelta(minutes=15)
#: What failed so long ago, and was not called since, is forgotten.
KEPT_FOR = timedelta(days=1)


class Open(Exception):
    """The breaker is open: nothing was sent. `retry_after` are the seconds until the next probe is due."""

    def __init__(self, retry_after: float) -> None:
        """Keep the seconds."""
        super().__init__(f"isn't responding, so we paused our calls. We retry in {max(1, round(retry_after))} s.")
        self.retry_after = retry_after


@dataclass(frozen=True)
class _Seen:
    """What the snapshot says of one outside."""

    probe_at: datetime | None
    probes: int
    score: int

    @property
    def is_well(self) -> bool:
        """Whether a success is no news: it failed a while ago, and works since."""
        return self.probe_at is None and not self.score


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
    """Make one call unless the breaker `name` is open. Raises Open, and what reverbsync.http.outbound.call raises."""
    seen = _snapshot().get(name)
    probe = seen.probes + 1 if seen is not None and seen.probe_at is not None else 0
    if probe:
        read_s = doubled_s(PROBE_S, probe - 1, most_s=read_s)
        _take_probe(name, read_s)
    began, called = clock.monotonic(), False
    try:
        with patience.waiting(read_s, probe=bool(probe)) as waits_s:
            answer = outbound.call(method, url, budgets=budgets, headers=headers, read_s=waits_s, **more)
        called = True
    except outbound.Unreachable as error:
        called = True
        if isinstance(error, outbound.TooLarge):
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
    """Return the seconds for which calls fail at once, 0.0 while they go out."""
    seen = _snapshot().get(name)
    if seen is None or seen.probe_at is None:
        return 0.0
    return max(0.0, (seen.probe_at - clock.now()).total_seconds())


def wait_s(probes: int) -> float:
    """Return the seconds until the next probe, after so many that failed."""
    return doubled_s(FIRST_WAIT_S, probes, most_s=LONGEST_WAIT_S)


def keeps_back(name: str) -> bool:
    """Return whether what this worker does now would not be let through; bulk work takes no probes."""
    seen = _snapshot().get(name)
    return seen is not None and seen.probe_at is not None and (limiter.in_bulk() or retry_after(name) > 0)


def forget() -> None:
    """Forget the snapshot, as a new process knows none."""
    _memory.at = None


# -- what a call came to -------------------------------------------------------------------------------------------


def is_own(answer: Answer) -> bool:
    """Return whether an answer shows that the outside works: JSON of any meaning, or that calls come too fast.

    Server errors, redirects and pages come from something before it, or from one that does not work.
    """
    if answer.status in (206, 304, 429):  # 206 is a part of a file, which may begin anywhere
        return True
    first = answer.text.lstrip("\ufeff \r\n\t")[:1]
    if 200 <= answer.status < 300:
        return first != "<"
    return 400 <= answer.status < 500 and first in ("{", "[", '"')


def succeeded(name: str, *, known: bool = True) -> None:
    """Close the breaker. What waited for the outside is made due by the sweeper. `known`: it may have failed before."""
    if not known:
        return
    mine = Breaker.objects.filter(name=name)
    closed = {"score": 0, "opened_at": None, "probe_at": None, "probing_until": None, "is_back": True}
    if not mine.filter(probe_at__isnull=False).update(**closed, probes=F("probes") + 1):
        mine.filter(is_back=False, probes=0).delete()
        mine.filter(score__gt=0).update(score=0)
    forget()


def failed(name: str, words: str, *, took_s: float, probe: int = 0) -> None:
    """Count a failure, and open the breaker where it is one too many. `probe`: it was the how manieth probe."""
    now, seen = clock.now(), _snapshot().get(name)
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


# An open one is only moved by its probe: what was on its way when it opened does not count.
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
    """Take the one probe that is due. Raises Open where none is, or another worker has it.

    Bulk work takes none, nor does a worker that has many under way.
    """
    now = clock.now()
    if early_s := retry_after(name):
        raise Open(early_s)
    free = Q(probing_until__isnull=True) | Q(probing_until__lte=now)
    due = Breaker.objects.filter(free, name=name, probe_at__lte=now)
    if (
        limiter.in_bulk()
        or not patience.may_probe()
        or not due.update(probing_until=now + timedelta(seconds=read_s + LEEWAY_S))
    ):
        raise Open(FIRST_WAIT_S)


def _give_back(name: str) -> None:
    """Nothing was sent: the next one may probe."""
    Breaker.objects.filter(name=name).update(probing_until=None)
    forget()


# -- the snapshot --------------------------------------------------------------------------------------------------


class _Memory:
    """What this process last saw of all breakers, and when."""

    def __init__(self) -> None:
        self.at: float | None = None
        self.rows: dict[str, _Seen] = {}
        self.reading = threading.Lock()


_memory = _Memory()


def _snapshot() -> dict[str, _Seen]:
    now = clock.monotonic()
    if _memory.at is None or not 0 <= now - _memory.at < FRESH_S:
        with _memory.reading:
            if _memory.at is None or not 0 <= now - _memory.at < FRESH_S:
                found = Breaker.objects.values_list("name", "probe_at", "probes", "score")
                _memory.rows = {name: _Seen(probe_at, probes, score) for name, probe_at, probes, score in found}
                _memory.at = now
    return _memory.rows
