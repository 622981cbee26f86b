"""Manage our webhooks at Reverb: which we want, which registered ones are ours, and reconciling both.

Facts: the topics of Reverb's docs ("Receive updates with webhooks"). Only `orders/paid` was seen accepted in 2026, and
a personal token was refused with "Please log in via Oauth to create webhooks". The sync guide uses other names. So each
is tried, the accepted ones stay, and polling covers the rest (listings/orders/order_poll.py).
"""

from __future__ import annotations

import logging
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from shops import hooks
from shops.hooks import Hook, Hooks
from shops.models import ReverbConnection
from shops.reverb.client import ReverbClient
from shops.reverb.errors import NeedsSeller, PermanentError, ReverbError

logger = logging.getLogger(__name__)
WANTED = (
    "listings/update",
    "listings/publish",
    "orders/create",
    "orders/update",
    "orders/paid",
    "app/uninstalled",
)
#: The sync guide's names, tried if those of the webhooks page are refused.
INSTEAD = {"listings/update": "product/updated", "orders/create": "order/created"}
#: Topics that report a placed order, and a changed one.
PLACED, CHANGED = {"orders/create", "order/created"}, {"orders/update"}
#: Poll interval of orders if Reverb reports both, and if it does not.
WITH_WEBHOOKS, WITHOUT_WEBHOOKS = timedelta(seconds=300), timedelta(seconds=60)
#: Initial state of a newly connected account: nothing was read, and no call has arrived.
_NEVER = ("hooks_checked_at", "orders_read_at", "order_called_at", "listing_called_at", "order_missed_at")
UNKNOWN: dict[str, Any] = {"hooks": {}, "orders_unread": {}, **dict.fromkeys(_NEVER)}
#: Shortest interval between two updates of a last call's time.
KEPT_TO = timedelta(seconds=60)


@dataclass(frozen=True)
class Registered:
    """The account's webhooks, classified: our correct ones, and the links of those to remove."""

    right: list[Hook]
    stale: list[str]


def keep(client: ReverbClient, connection: ReverbConnection, *, gone: Collection[str] = ()) -> Hooks:
    """Register a webhook for every topic that Reverb accepts. Raise ReverbError if it refuses its list.

    `gone`: links of webhooks that were just removed, which the list may still contain.
    """
    found = _registered(client, connection, gone)
    closed: list[NeedsSeller] = []

    def add(topic: str) -> None:
        if closed:
            raise closed[0]  # this token may register none, so the other topics are not tried
        try:
            client.register(topic, address_for(connection, topic))
        except NeedsSeller as error:
            if error.status == 401:
                closed.append(error)
            raise

    def remove(link: str) -> None:
        try:
            client.unregister(link)
        except (PermanentError, NeedsSeller) as error:  # harmless: a duplicate webhook only causes the same read
            logger.warning("Could not remove a webhook of shop %s: %s", connection.shop_id, error.message)

    def kept(topics: Sequence[str]) -> Hooks:
        there = [hook for hook in found.right if hook.topic in topics]
        # Reverb does not disable webhooks: each exists or it does not.
        return hooks.keep(topics, there, add=add, wake=_nothing, remove=remove, refusals=(PermanentError, NeedsSeller))

    first = kept(WANTED)
    second = kept([INSTEAD[topic] for topic in first.refused if topic in INSTEAD])
    there = (*first.there, *second.there)
    for link in [*found.stale, *(hook.id for hook in found.right if hook.topic not in there)]:
        remove(link)
    refused = {topic: why for topic, why in first.refused.items() if INSTEAD.get(topic) not in there}
    return Hooks(there, refused, (*first.repaired, *second.repaired))


def for_apps_only(refused: Mapping[str, str]) -> list[str]:
    """Return the topics that Reverb refuses because only apps may register them (seen live with personal tokens)."""
    return [topic for topic, words in refused.items() if "oauth" in words.lower()]


def drop(connection: ReverbConnection) -> list[str]:
    """Remove our webhooks, as far as Reverb allows, and return their links.

    Never raises, so that disconnecting always succeeds.
    """
    gone: list[str] = []
    if not connection.hooks:
        return gone
    client = ReverbClient.of(connection)
    try:
        found = _registered(client, connection)
        for link in [*(hook.id for hook in found.right), *found.stale]:
            client.unregister(link)
            gone.append(link)
    except ReverbError as error:
        logger.warning("Could not remove the webhooks of shop %s from Reverb: %s", connection.shop_id, error.message)
    return gone


def address_for(connection: ReverbConnection, topic: str) -> str:
    """Return the address for a topic; it contains the topic, because Reverb's calls do not."""
    return f"{connection.webhook_address}{topic}/"


def sort_out(
    rows: Sequence[tuple[str, str, str]], connection: ReverbConnection, *, living: Collection[str]
) -> Registered:
    """Return which rows (link, topic, address) are our correct webhooks, and which are leftovers.

    Ours are all addresses with our key, and addresses of this site whose key belongs to no connection any more
    (`living` are the keys in use). All others belong to somebody else and stay.
    """
    base = _base(connection)
    right, stale = [], []
    for link, topic, address in rows:
        if address == address_for(connection, topic) and topic in (*WANTED, *INSTEAD.values()):
            right.append(Hook(link, topic))
        elif f"/{connection.hook_key}/" in address or (key_in(address, base) or "") not in {"", *living}:
            stale.append(link)
    return Registered(right, stale)


def key_in(address: str, base: str) -> str | None:
    """Return the key in an address of this site, None for any other address."""
    return address.removeprefix(base).partition("/")[0] if address.startswith(base) else None


def _base(connection: ReverbConnection) -> str:
    return connection.webhook_address.removesuffix(f"{connection.hook_key}/")


def _registered(client: ReverbClient, connection: ReverbConnection, gone: Collection[str] = ()) -> Registered:
    rows, base = [row for row in client.registrations() if row[0] not in gone], _base(connection)
    keys = {key for _, _, address in rows if (key := key_in(address, base))}
    living = ReverbConnection.objects.filter(hook_key__in=keys).values_list("hook_key", flat=True)
    return sort_out(rows, connection, living=set(living))


def _nothing(_: str) -> None:
    """Do nothing."""
