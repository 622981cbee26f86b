"""Check a connection to Reverb, on connecting and once a day.

Reverb drops webhooks that are answered too slowly, without notice, and an account's problem may have passed. A token
that may not register webhooks is not dead, and syncing continues: orders are polled anyway.
"""

from __future__ import annotations

import random
from dataclasses import asdict
from datetime import timedelta

from django.conf import settings
from django.db.models import F, Q

from reverbsync import clock
from shops.hooks import Hooks
from shops.models import ReverbConnection
from shops.reverb import arrivals, connect, hooks, limits
from shops.reverb.client import ReverbClient
from shops.reverb.errors import NeedsSeller, PermanentError, ReverbError

EVERY = timedelta(hours=24)
#: Most connections to recheck per sweep after our own address changed.
MOVED_AT_ONCE = 50
AFTER_A_FAILURE = WHILE_WRONG = timedelta(minutes=5)
#: How late a call may be before the registration is checked, and the check interval while none arrives.
CALL_TAKES, CHECK_EVERY = timedelta(minutes=2), timedelta(hours=1)
ASK_DEAD_AT_LATEST = timedelta(hours=1)


def due() -> list[int]:
    """Return the ids of shops whose webhooks at Reverb are due for a check, for the sweeper."""
    found = ReverbConnection.objects.filter(hooks_due_at__lte=clock.now(), shop__deletion_requested_at__isnull=True)
    return list(found.order_by(F("hooks_due_at")).values_list("shop_id", flat=True))


def check_what_is_missed() -> None:
    """Make the check due for accounts whose webhooks did not arrive, for the sweeper."""
    now = clock.now()
    not_called_since = Q(order_called_at=None) | Q(order_called_at__lt=F("order_missed_at"))
    unchecked = Q(hooks_checked_at=None) | Q(hooks_checked_at__lt=now - CHECK_EVERY)
    changed_since = Q(hooks_checked_at__lt=F("order_missed_at"))
    late = ReverbConnection.objects.filter(
        not_called_since, unchecked | changed_since, order_missed_at__lte=now - CALL_TAKES
    )
    late.filter(hooks_due_at__gt=now).exclude(hooks_checked_at__gt=now - CALL_TAKES).update(hooks_due_at=now)


def ask(connection: ReverbConnection) -> None:
    """Make a connection's check due now."""
    now = clock.now()
    ReverbConnection.objects.filter(pk=connection.pk, hooks_due_at__gt=now).update(hooks_due_at=now)


def check_what_moved() -> None:
    """Make the check due for accounts whose webhooks point to an old `SITE_URL`, for the sweeper."""
    now = clock.now()
    works = ReverbConnection.objects.filter(hooks_checked_at__isnull=False).exclude(problem__in=connect.UNUSABLE)
    elsewhere = works.exclude(hooks__site=settings.SITE_URL)
    # A failed check is retried anyway.
    stale = elsewhere.filter(hooks_due_at__gt=now + AFTER_A_FAILURE).values_list("pk", flat=True)[:MOVED_AT_ONCE]
    ReverbConnection.objects.filter(pk__in=list(stale)).update(hooks_due_at=now)


def check(connection: ReverbConnection) -> None:
    """Check one connection's webhooks, and whether its problem has passed. Never raises ReverbError.

    If the account is healthy, work that waits for it becomes due (`back_at`).
    """
    now = clock.now()
    if not _works(connection):
        return
    # Jitter spreads the checks over the day. A problem that the seller must fix is checked sooner.
    is_wrong = ReverbConnection.objects.filter(pk=connection.pk).exclude(problem="").exists()
    tomorrow = now + (WHILE_WRONG if is_wrong else EVERY - timedelta(minutes=random.uniform(0, 120)))  # noqa: S311
    # If the seller has reconnected meanwhile, this check is obsolete.
    same = ReverbConnection.objects.filter(pk=connection.pk, hooks_due_at=connection.hooks_due_at)
    try:
        found = _kept(connection)
    except ReverbError as error:
        wait = max(AFTER_A_FAILURE, timedelta(seconds=error.retry_after or 0))
        # Some may have been registered: save that, so that they are removed on disconnecting.
        same.update(hooks={"there": [], **connection.hooks}, hooks_due_at=now + wait)
        return
    if found is None:
        return  # the token is dead; connect.mark_if_dead scheduled the next check
    hooks_now = {**asdict(found), "site": settings.SITE_URL}
    # Work that waits for the account becomes due (shops/outages.py).
    same.update(hooks=hooks_now, hooks_checked_at=now, hooks_due_at=tomorrow, back_at=now)


def _works(connection: ReverbConnection) -> bool:
    """Return whether a connection may be used; recheck its problem, which may have passed or been a mistake.

    A token that stays refused is rechecked ever more rarely: each minute in the first hour, at last once an hour.
    """
    known = connect.PROBLEMS.get(connection.problem)
    if known is None:
        return True
    account, now = connect.check(connection), clock.now()
    changes: dict[str, object]
    # If the seller has reconnected meanwhile, this does not apply.
    same = ReverbConnection.objects.filter(pk=connection.pk, checked_at=connection.checked_at)
    if account.usable and account.problem_id != "unreachable":
        changes = {"problem": account.problem_id, "back_at": now, "checked_at": now}
        if account.shop_name and not (connection.account_id or connection.account):  # no answer on connecting
            changes |= {"account": account.shop_name, "account_id": account.id, "currency": account.currency}
    elif known.usable:
        changes = {"checked_at": now}  # one refusal proves nothing (connect.mark_if_dead)
    else:
        dead_for = now - (connection.checked_at or now)
        same.update(hooks_due_at=now + min(max(connect.ASK_DEAD_AGAIN, dead_for / 60), ASK_DEAD_AT_LATEST))
        return False
    if same.update(**changes):
        before = connection.budget
        for name, value in changes.items():  # later calls count for the account that is now known
            setattr(connection, name, value)
        limits.move(before, connection.budget)
    return True


def _kept(connection: ReverbConnection) -> Hooks | None:
    """Return the registered webhooks, None if the token is dead. Raise ReverbError if it is transient."""
    silent = arrivals.is_silent(connection) and not connection.hooks.get("repaired")
    gone = hooks.drop(connection) if silent else []  # all are registered but none arrives: register again
    try:
        return hooks.keep(ReverbClient.of(connection), connection, gone=gone)
    except NeedsSeller as error:
        if error.status == 401 and connect.mark_if_dead(connection):
            return None
        return _none(error)
    except PermanentError as error:
        return _none(error)


def _none(error: ReverbError) -> Hooks:
    return Hooks((), dict.fromkeys(hooks.WANTED, error.message))
