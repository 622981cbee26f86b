"""Webhooks that are registered one by one: add what is missing, wake what sleeps, remove doubles. Plain, no I/O."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Hook:
    """One of our webhooks as the other side has it."""

    id: str
    topic: str
    active: bool = True


@dataclass(frozen=True)
class Hooks:
    """The webhooks that stand after a check: topics that call us, topics that were refused and why, repairs."""

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
    """Bring the other side's list in line with `topics`. `there` are those that call our address.

    `add` takes a topic, `wake` and `remove` an id; what raises one of `refusals` is not to be had, and why is returned.
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
