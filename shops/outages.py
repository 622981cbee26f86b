"""Probe stores and Reverb accounts that stopped responding, and make waiting work due once they are back.

Each call passes a circuit breaker (shops/breaker.py). This module adds what concerns shops: which of them a breaker
affects, probes that do not wait for other work, and the sentences on the pages.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable

from django.db import transaction
from django.db.models import Q

from reverbsync import clock
from shops import breaker, health
from shops.models import Breaker, ReverbConnection, StoreConnection, StoreHealth
from shops.platforms import PLATFORMS
from shops.reverb import limits
from shops.reverb.client import ReverbClient
from shops.reverb.errors import ReverbError
from shops.signals import reverb_is_back

#: Tasks that probe a shop's store and Reverb account, and that make their waiting work due.
PROBE, IS_BACK = "shops.probe", "shops.is_back"
#: Most probes per sweep; the longest-waiting ones come first.
MOST_PROBES = 20


def names_of_store(store: StoreConnection) -> list[str]:
    """Return the breaker names of a store: its address with and without the scheme.

    If no key of the store proves its address, the name contains the connection, so that no other shop shares its budget
    or breaker.
    """
    if PLATFORMS[store.platform].makes_keys:
        return [f"{store.platform}:{store.pk}@{store.address}"]
    return [f"{store.platform}:{store.address}", f"{store.platform}:{store.address.partition('//')[2]}"]


def name_of_reverb(connection: ReverbConnection) -> str:
    """Return the breaker name of a Reverb account."""
    return limits.account(connection.budget)


# -- what the sweeper does -----------------------------------------------------------------------------------------


def note_who_is_back() -> None:
    """Mark the connections of all services that answer again, for `make_due`."""
    for row in Breaker.objects.filter(is_back=True):
        stores, accounts = _connections(row.name)
        now = clock.now()
        with transaction.atomic():
            for one in stores:
                StoreHealth.objects.update_or_create(shop_id=one.shop_id, defaults={"back_at": now})
            ReverbConnection.objects.filter(pk__in=[one.pk for one in accounts]).update(back_at=now)
            Breaker.objects.filter(pk=row.pk).update(is_back=False)
    now, old = clock.now(), Breaker.objects.filter(probe_at__isnull=True, is_back=False)
    old.filter(Q(score=0, failed_at__lt=now - breaker.CALM) | Q(failed_at__lt=now - breaker.KEPT_FOR)).delete()


def shops_that_are_back() -> set[int]:
    """Return the shops for which `make_due` has something to do."""
    stores = StoreHealth.objects.filter(back_at__isnull=False).values_list("shop_id", flat=True)
    return {*stores, *ReverbConnection.objects.filter(back_at__isnull=False).values_list("shop_id", flat=True)}


def shops_to_probe() -> set[int]:
    """Return the shops whose store or account is due for a probe, one per service."""
    now = clock.now()
    free = Q(probing_until__isnull=True) | Q(probing_until__lte=now)
    found: set[int] = set()
    for row in Breaker.objects.filter(free, probe_at__lte=now).order_by("probe_at")[:MOST_PROBES]:
        stores, accounts = _connections(row.name)
        if ids := [one.shop_id for one in stores] + [one.shop_id for one in accounts]:
            found.add(ids[0])
        elif row.failed_at < now - breaker.KEPT_FOR:  # of a store that was disconnected, or never connected
            row.delete()
    return found


def _connections(name: str) -> tuple[list[StoreConnection], list[ReverbConnection]]:
    """Return the connections that a breaker affects."""
    kind, _, rest = name.partition(":")
    if kind in PLATFORMS:
        address = rest.partition("@")[2] if PLATFORMS[kind].makes_keys else rest
        found = StoreConnection.objects.filter(platform=kind, address__endswith=address, removed_at__isnull=True)
        return [one for one in found if name in names_of_store(one)], []
    if name.startswith(limits.account("")):
        account_id = rest.rpartition("account-")[2]
        mine = ReverbConnection.objects.filter(account_id=account_id if "account-" in rest else "")
        return [], [one for one in mine if name_of_reverb(one) == name]
    return [], []


# -- in a worker ---------------------------------------------------------------------------------------------------


def probe(shop_id: int) -> None:
    """Probe the due ones of a shop's store and account. The breaker counts the results."""
    store = StoreConnection.objects.filter(shop=shop_id, removed_at__isnull=True).first()
    if store is not None and _is_due(names_of_store(store)):
        health.ask(store)
    account = ReverbConnection.objects.filter(shop=shop_id).first()
    if account is not None and _is_due([name_of_reverb(account)]):
        with contextlib.suppress(ReverbError):
            ReverbClient.of(account).get("/my/account")


def _is_due(names: Iterable[str]) -> bool:
    return Breaker.objects.filter(name__in=names, probe_at__lte=clock.now()).exists()


def make_due(shop_id: int) -> None:
    """Make work due that waits for the shop's store or account, which responds again. Idempotent."""
    health.make_due(shop_id)
    account = ReverbConnection.objects.filter(shop=shop_id, back_at__isnull=False).first()
    if account is not None and health.all_through(reverb_is_back.send_robust(ReverbConnection, shop_id=shop_id)):
        ReverbConnection.objects.filter(pk=account.pk, back_at=account.back_at).update(back_at=None)


# -- what the pages say --------------------------------------------------------------------------------------------


def of_store(store: StoreConnection | None) -> str:
    """Return the sentence about a store that does not respond, "" while it does."""
    return _words("Your store", names_of_store(store)) if store is not None and store.removed_at is None else ""


def of_reverb(connection: ReverbConnection | None) -> str:
    """Return the sentence about an account for which Reverb does not respond, "" while it does."""
    return _words("Reverb", [name_of_reverb(connection)]) if connection is not None else ""


def _words(who: str, names: Iterable[str]) -> str:
    row = Breaker.objects.filter(name__in=names, probe_at__isnull=False).first()
    if row is None or row.probe_at is None or row.opened_at is None:
        return ""
    now = clock.now()
    every = f"every {breaker.wait_s(row.probes):.0f} seconds"
    following = f"next try at {row.probe_at:%H:%M:%S} UTC" if row.probe_at > now else "the next try is on its way"
    return (
        f"{who} hasn't responded since {row.opened_at:%H:%M} UTC: {row.words} We retry {every}; {following}. "
        "Nothing is lost meanwhile."
    )
