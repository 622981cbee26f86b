"""Reconcile webhooks that are registered one by one: add, reactivate, remove duplicates. No I/O of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Hook:
    """One of our webhooks as registered with the platform."""

    id: str
    topic: str
    active: bool = True


@dataclass(frozen=True)
class Hooks:
    """The result of a check: active topics, refused topics with reasons, and repaired topics."""

    there: tuple[str, ...]
    refused: Mapping[str, str] = field(default_factory=dict)
    repaired: tuple[str, ...] = ()


def keep(
    topics: Sequence[str],
    there: Iterable[Hook],
    *,
    add: Callable[[str], object],
    wake: Callable[[str], object],
    remove: Callable[[str], object],
    refusals: tuple[type[Exception], ...],
) -> Hooks:
    """Reconcile the registered webhooks with `topics`. `there` are those that call our address.

    `add` takes a topic, `wake` and `remove` an id. A topic that raises one of `refusals` is returned with the reason.
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
        except refusals as error:
            refused[topic] = str(error)
            continue
        if ours:
            repaired.append(topic)
    return Hooks(tuple(topic for topic in topics if topic not in refused), refused, tuple(repaired))
