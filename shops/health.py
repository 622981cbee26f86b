"""Track whether a store answers our calls, and whether its webhooks arrive.

While a store does not answer, the back-off of its waiting work grows. So each failed call is recorded, and one cheap
probe every 30 seconds detects the recovery. Then `shops.signals.store_is_back` makes all waiting work due.

Platforms disable webhooks that failed, and firewalls drop calls, without notice. So when polling finds a change that no
webhook reported, the registration is checked within minutes, and the page shows the actual state.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import datetime, timedelta

from django.db.models import F, Q

from reverbsync import clock
from shops.models import StoreConnection, StoreHealth
from shops.platforms import Platform, client_of, platform_of
from shops.platforms.errors import Away, StoreAuthError, StoreError
from shops.signals import store_is_back

PROBE = "shops.probe_store"
EVERY = timedelta(seconds=30)
#: The same for a store that answers but refuses our keys.
REFUSED_EVERY = timedelta(minutes=5)
#: How late a webhook may be, in transit or in the store's queue, before the registration is checked.
CALL_TAKES = timedelta(minutes=2)
#: A webhook that arrived up to this long before a change was found may have reported it.
BEFORE = timedelta(minutes=10)
#: Shortest interval between two checks of the registration while webhooks are missed.
CHECK_EVERY = timedelta(hours=1)
#: Shortest interval between two updates of `called_at`.
KEPT_TO = timedelta(seconds=60)

# -- does it answer? -----------------------------------------------------------------------------------------------


def did_not_answer(shop_id: int, error: Exception) -> None:
    """Record that a shop's store did not answer, or refused our keys. Other errors say nothing about the store."""
    if not isinstance(error, Away | StoreAuthError):
        return
    now = clock.now()
    StoreHealth.objects.get_or_create(shop_id=shop_id)
    well = StoreHealth.objects.filter(shop=shop_id, away_since=None)
    well.update(away_since=now, away_words=str(error)[:300], probe_due_at=now + _pause(error))


def answers(shop_id: int) -> None:
    """Record that a shop's store answers. If it did not before, all waiting work becomes due."""
    away = StoreHealth.objects.filter(shop=shop_id, away_since__isnull=False)
    if away.update(away_since=None, away_words="", probe_due_at=None, back_at=clock.now()):
        make_due(shop_id)


def make_due(shop_id: int) -> None:
    """Make all work due that waits for a shop's store, which answers again. Idempotent."""
    back = StoreHealth.objects.filter(shop=shop_id, back_at__isnull=False).first()
    if back is None:
        return
    StoreHealth.objects.filter(pk=back.pk).update(away_since=None, away_words="", probe_due_at=None)
    # The last check's problem is obsolete; the next check shows the actual state.
    wrong = StoreConnection.objects.filter(shop=shop_id, removed_at=None).exclude(problem="")
    wrong.update(hooks_due_at=clock.now())
    if all_through(store_is_back.send_robust(StoreConnection, shop_id=shop_id)):
        StoreHealth.objects.filter(pk=back.pk, back_at=back.back_at).update(back_at=None)


def all_through(responses: Iterable[tuple[object, object]]) -> bool:
    """Return whether all receivers of a signal succeeded; the caller retries otherwise, and failures are logged."""
    return not any(isinstance(answer, Exception) for _, answer in responses)


def due() -> list[int]:
    """Return the ids of shops whose store is due for a probe, for the sweeper."""
    found = StoreHealth.objects.filter(probe_due_at__lte=clock.now(), shop__store__removed_at=None)
    return list(found.order_by("probe_due_at").values_list("shop_id", flat=True))


def probe(shop_id: int) -> None:
    """Probe a store that did not answer. Never raises StoreError."""
    away = StoreHealth.objects.filter(shop=shop_id, probe_due_at__lte=clock.now())
    store = StoreConnection.objects.filter(shop=shop_id, removed_at=None).first()
    if store is not None and away.exists():
        ask(store)


def ask(store: StoreConnection) -> None:
    """Call a store's cheapest endpoint and record the result. Never raises StoreError."""
    try:
        client_of(store).check()
    except StoreError as error:
        away = StoreHealth.objects.filter(shop=store.shop_id, away_since__isnull=False)
        away.update(probe_due_at=clock.now() + _pause(error), away_words=str(error)[:300])
    else:
        answers(store.shop_id)


def _pause(error: Exception) -> timedelta:
    if isinstance(error, StoreAuthError):
        return REFUSED_EVERY
    return max(EVERY, timedelta(seconds=getattr(error, "retry_after", None) or 0.0))


# -- do its calls arrive? ------------------------------------------------------------------------------------------


def called(shop_id: int, platform: Platform, topics: Collection[str], *, at: datetime) -> None:
    """Record that webhooks with these topics arrived, the last one at `at`."""
    health, _ = StoreHealth.objects.get_or_create(shop_id=shop_id)
    mine = StoreHealth.objects.filter(pk=health.pk)
    if health.called_at is None or at > health.called_at + KEPT_TO:
        mine.update(called_at=at)
    if health.missed_at is not None and at > health.missed_at - BEFORE and set(topics) & set(platform.change_topics):
        mine.update(missed=0, missed_since=None, missed_at=None)


def found_by_looking(shop_id: int, *, at: datetime) -> None:
    """Record that polling found changes of known products. Their webhooks may still be on the way."""
    store = StoreConnection.objects.filter(shop=shop_id).first()
    if store is None or not platform_of(store).change_topics:
        return
    health, _ = StoreHealth.objects.get_or_create(shop_id=shop_id)
    since = health.missed_since or at
    StoreHealth.objects.filter(pk=health.pk).update(missed=F("missed") + 1, missed_since=since, missed_at=at)


def check_what_is_missed() -> None:
    """Make the check due for stores whose webhooks did not arrive, for the sweeper."""
    now = clock.now()
    late = Q(shop__store_health__missed__gt=0, shop__store_health__missed_since__lte=now - CALL_TAKES)
    unchecked = Q(hooks_checked_at=None) | Q(hooks_checked_at__lte=now - CHECK_EVERY)
    changed_since = Q(hooks_checked_at__lt=F("shop__store_health__missed_since"))
    stale = StoreConnection.objects.filter(late, unchecked | changed_since, removed_at=None, hooks_due_at__gt=now)
    StoreConnection.objects.filter(pk__in=stale.values("pk")).update(hooks_due_at=now)


def is_missed(shop_id: int) -> bool:
    """Return whether webhooks of a shop's store may currently be missing."""
    return StoreHealth.objects.filter(shop=shop_id, missed__gt=0).exists()


def is_silent(health: StoreHealth | None, checked_at: datetime | None) -> bool:
    """Return whether webhooks are missing although the registration was checked since the first was missed."""
    if health is None or health.missed < 2 or health.missed_since is None:  # one may be on its way
        return False
    return checked_at is not None and checked_at > health.missed_since
