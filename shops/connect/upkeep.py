"""Check a store's connection: its name and currency, its webhooks, and cleanup after disconnecting.

Runs on connecting and once a day, because platforms drop webhooks that failed too often, without notice.
"""

from __future__ import annotations

import random
from dataclasses import asdict
from datetime import timedelta

from django.conf import settings
from django.db.models import F, Q, QuerySet
from pydantic import SecretStr

from reverbsync import clock
from shops import health
from shops.models import FormerStore, StoreConnection, StoreHealth
from shops.platforms import client_of, platform_of
from shops.platforms.errors import StoreAuthError, StoreError, Unsupported

EVERY = timedelta(hours=24)
AFTER_A_FAILURE = timedelta(minutes=5)
#: Most connections to recheck per sweep after our own address changed.
MOVED_AT_ONCE = 50
#: A disconnected store's keys are deleted after this time, even if its webhooks could not be removed.
LET_GO = timedelta(hours=24)


def due() -> list[int]:
    """Return the ids of shops whose store is due for a check, for the sweeper."""
    return list(due_ones().order_by(F("hooks_due_at")).values_list("shop_id", flat=True))


def due_ones() -> QuerySet[StoreConnection]:
    """Return the connections due for a check, except those whose previous store is still being deleted."""
    may_be_called = Q(clearing_since__isnull=True) | Q(removed_at__isnull=False)
    return StoreConnection.objects.filter(may_be_called, hooks_due_at__lte=clock.now())


def is_stale(connection: StoreConnection, age: timedelta) -> bool:
    """Return whether the last successful check is older than `age`, and none is due yet."""
    now = clock.now()
    is_old = connection.hooks_checked_at is None or connection.hooks_checked_at < now - age
    return is_old and connection.hooks_due_at is not None and connection.hooks_due_at > now


def ask(connection: StoreConnection) -> None:
    """Make a connection's check due now."""
    now = clock.now()
    StoreConnection.objects.filter(pk=connection.pk, removed_at=None, hooks_due_at__gt=now).update(hooks_due_at=now)


def check_what_moved() -> None:
    """Make the check due for stores whose webhooks point to an old `SITE_URL`, for the sweeper."""
    now = clock.now()
    # A store with a problem has its own retry schedule.
    well = StoreConnection.objects.filter(removed_at=None, problem="", hooks_checked_at__isnull=False)
    moved = well.exclude(hooks__site=settings.SITE_URL).filter(hooks_due_at__gt=now)
    some = list(moved.values_list("pk", flat=True)[:MOVED_AT_ONCE])
    StoreConnection.objects.filter(pk__in=some).update(hooks_due_at=now)


def check(connection: StoreConnection) -> None:
    """Check one connection, or finish its removal. Never raises StoreError."""
    if connection.removed_at is not None:
        _take_down(connection)
        return
    now = clock.now()
    # Jitter spreads the checks over the day.
    changes: dict[str, object] = {
        "problem": "",
        "hooks_due_at": now + EVERY - timedelta(minutes=random.uniform(0, 120)),  # noqa: S311
    }
    try:
        client = client_of(connection)
        info = client.check()
        changes |= {"name": info.name[:255], "currency": info.currency[:3].upper()}
        if _silent(connection):
            client.remove_webhooks(connection.webhook_address)  # all are registered but none arrives: register again
        if former := _former_address(connection):
            client.remove_webhooks(former)
        kept = asdict(client.ensure_webhooks(connection.webhook_address))
        changes |= {"hooks": {**kept, "site": settings.SITE_URL}, "hooks_checked_at": now}
    except Unsupported as error:
        changes["hooks"] = {"there": [], "refused": {"": str(error)}, "site": settings.SITE_URL}
    except StoreError as error:
        health.did_not_answer(connection.shop_id, error)
        changes["problem"] = str(error)[:300]
        if not isinstance(error, StoreAuthError):
            changes["hooks_due_at"] = now + AFTER_A_FAILURE
    # If the seller has reconnected or disconnected meanwhile, this check is obsolete.
    same = StoreConnection.objects.filter(pk=connection.pk, removed_at=None, hooks_due_at=connection.hooks_due_at)
    same.update(**changes)
    if not changes["problem"]:
        health.answers(connection.shop_id)


def stores_to_leave() -> list[int]:
    """Return the shops with a former store whose webhooks must be removed, for the sweeper."""
    found = FormerStore.objects.filter(due_at__lte=clock.now())
    return list(found.order_by("due_at").values_list("shop_id", flat=True).distinct())


def leave(shop_id: int) -> None:
    """Remove our webhooks from the shop's former stores, then delete their keys. Never raises StoreError.

    A store that does not answer is retried for a day; then its keys are deleted nevertheless.
    """
    now = clock.now()
    for former in FormerStore.objects.filter(shop=shop_id, due_at__lte=now).select_related("shop"):
        mine, store = FormerStore.objects.filter(pk=former.pk), former.connection
        if not store.token.get_secret_value():
            mine.delete()
            continue
        mine.update(due_at=now + AFTER_A_FAILURE)
        try:
            platform_of(store).client(store).remove_webhooks(store.webhook_address)
        except StoreError as error:
            if not isinstance(error, StoreAuthError | Unsupported) and now < former.left_at + LET_GO:
                mine.update(token=store.token)  # it may have been renewed
                continue
        mine.update(token=SecretStr(""), secret=SecretStr(""), due_at=former.left_at + FormerStore.CALLS_FOR)


def _former_address(connection: StoreConnection) -> str:
    """Return the webhook address before our SITE_URL changed, "" if it did not."""
    site = connection.hooks.get("site") or settings.SITE_URL
    former: str = site + connection.webhook_address.removeprefix(settings.SITE_URL)
    return former if site != settings.SITE_URL else ""


def _silent(connection: StoreConnection) -> bool:
    """Return whether all webhooks were registered at an earlier check but do not arrive."""
    found = StoreHealth.objects.filter(shop=connection.shop_id).first()
    return health.is_silent(found, connection.hooks_checked_at) and not connection.hooks.get("repaired")


def _take_down(connection: StoreConnection) -> None:
    """Remove our webhooks from a disconnected store, then delete its keys."""
    now = clock.now()
    assert connection.removed_at is not None  # noqa: S101 -- the caller has looked
    try:
        if connection.token.get_secret_value():
            client_of(connection).remove_webhooks(connection.webhook_address)
    except StoreError as error:
        if not isinstance(error, StoreAuthError | Unsupported) and now < connection.removed_at + LET_GO:
            StoreConnection.objects.filter(pk=connection.pk).update(hooks_due_at=now + AFTER_A_FAILURE)
            return
    gone = StoreConnection.objects.filter(pk=connection.pk, removed_at=connection.removed_at)
    gone.update(token=SecretStr(""), secret=SecretStr(""), hooks={}, hooks_due_at=None)
