"""Webhooks that are registered one by one: add what is missing, wake what sleeps, remove doubles."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from shops.platforms.values import Hooks, Unsupported


@dataclass(frozen=True)
class Hook:
    """One of our webhooks as the store has it."""

    id: str
    topic: str
    active: bool = True


def keep(
    topics: Sequence[str],
    there: Iterable[Hook],
    *,
    add: Callable[[str], object],
    wake: Callable[[str], object],
    remove: Callable[[str], object],
) -> Hooks:
    """Bring the store's list in line with `topics`. `there` are those that call our address.

    `add` takes a topic, `wake` and `remove` an id; what raises Unsupported was refused by the store, and why is told.
    """
    ours: dict[str, Hook] = {}
    for hook in there:
        if hook.topic in ours:
            remove(hook.id)
        ours.setdefault(hook.topic, hook)
    refused: dict[str, str] = {}
    repaired = []
    for topic in topics:
        known = ours.get(topic)
        if known is not None and known.active:
            continue
        try:
            add(topic) if known is None else wake(known.id)
        except Unsupported as error:
            refused[topic] = str(error)
            continue
        if ours:
            repaired.append(topic)
    return Hooks(tuple(topic for topic in topics if topic not in refused), refused, tuple(repaired))
