"""Settle a claimed job: finished, blocked until the seller acts, or due again later. Each is one SQL statement."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import DataError, connection
from psycopg2.errors import DivisionByZero

from listings.models import Rank
from listings.queue import sql
from listings.queue.jobs import Claim, LeaseLost
from listings.queue.retry_delay import PAUSE
from reverbsync.database import Statement


def finish(taken: Claim, *, now: datetime, attempt: AttemptEnd | None = None) -> None:
    """Delete the job, unless it was requested again since the claim: then it is due again. Raises LeaseLost."""
    _settle(taken, "finished", {}, due_again=now + PAUSE, attempts_again=0, attempt=attempt)


def wait_for_seller(
    taken: Claim, *, now: datetime, retry_at: datetime | None = None, attempt: AttemptEnd | None = None
) -> None:
    """Block the job until the seller changes something, unless it was requested again since the claim.

    `retry_at`: when it is retried anyway; None: never. Raises LeaseLost.
    """
    _settle(taken, "blocked", {"retry_at": retry_at}, due_again=now + PAUSE, attempts_again=0, attempt=attempt)


def try_later(
    taken: Claim,
    *,
    due: datetime,
    attempts: int,
    now: datetime,
    attempt: AttemptEnd | None = None,
    at_least: Rank = Rank.CATALOGUE,
) -> None:
    """Postpone the job until `due`, or only briefly if it was requested again since the claim. Raises LeaseLost.

    `attempts` is how often it has failed so far; a failed edit comes after those that did not fail. `at_least`: the
    least urgent rank that it may get.
    """
    rank = min(Rank.RETRY if attempts and taken.rank == Rank.EDIT else taken.rank, at_least)
    later = {"due": due, "attempts": attempts, "rank": int(rank)}
    _settle(taken, "retry", later, due_again=min(due, now + PAUSE), attempts_again=attempts, attempt=attempt)


@dataclass(frozen=True)
class AttemptEnd:
    """What is written in the statement that settles a job: the values of sql.END_ATTEMPT without the job's own."""

    values: Mapping[str, Any]


def _settle(
    taken: Claim,
    ending: str,
    given: Mapping[str, Any],
    *,
    due_again: datetime,
    attempts_again: int,
    attempt: AttemptEnd | None,
) -> None:
    """Settle the job, or make it due at `due_again` if it was requested again since the claim.

    Raises LeaseLost, and writes nothing, if another worker has the job.
    """
    job = {"job": taken.job_id, "lease": taken.lease, "generation": taken.generation, "ending": ending}
    again = {"due_again": due_again, "attempts_again": attempts_again}
    unchanged = {"retry_at": None, "due": None, "attempts": None, "rank": None}
    statement, written = (_END_JOB, {}) if attempt is None else (_END_ATTEMPT, attempt.values)
    with connection.cursor() as cursor:
        try:
            statement.run(cursor, {**unchanged, **job, **again, **given, **written})
        except DataError as error:
            if isinstance(error.__cause__, DivisionByZero):
                raise LeaseLost from None
            raise


_END_JOB, _END_ATTEMPT = Statement(sql.END_JOB), Statement(sql.END_ATTEMPT)
