"""Faults of a story besides single calls: sides that are down, refusals, odd webhooks, an emptied Redis."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.core.cache import cache

from reverbsync.redis import connection as redis
from shops.platforms import PLATFORMS
from tests.simulation import soon
from tests.simulation.story import DRAGS, FAULTS, HANGS, OUT_OF_ORDER, REFUSALS, Step
from webhooks import inbox
from webhooks.models import Delivery

if TYPE_CHECKING:
    from tests.simulation.run import Run


def begin(run: Run, step: Step) -> None:
    """Make a part of the system fail, or let time pass."""
    if step.word in REFUSALS:
        run.refusals.begin(step, run.schedule.now)
    elif step.word == "odd delivery":
        _odd_delivery(run, step)
    elif step.word == "flush":
        redis().flushdb()
        cache.clear()
        run.ours.forget()
        run.flushed_at.append(run.schedule.now)
    elif step.word == "pass":
        if not run.processes.stack:
            run.schedule.run_until(run.schedule.now + step.n)
    elif step.word == "second worker":
        run.ours.look_soon()
        run.schedule.let_pass(1.2)
    elif step.word not in FAULTS and step.word != "die":
        _of_a_side(run, step)


def _of_a_side(run: Run, step: Step) -> None:
    """Make a side down, or slow, for some seconds."""
    for words, trouble in ((OUT_OF_ORDER, run.calls.out_of_order), (HANGS, run.calls.hang), (DRAGS, run.calls.drag)):
        if step.word in words:
            trouble(words[step.word], step.n)
            run.schedule.later(step.n + soon.NOTICED_S + 1, run.look_at_what_waits)
            return
    raise ValueError(step.word)


def _odd_delivery(run: Run, step: Step) -> None:
    """Deliver a signed webhook whose subject cannot be determined."""
    shop, topics = run.shops[step.shop], PLATFORMS[run.story.sides[step.shop].platform].change_topics
    if topics:
        given, body = f"odd-{run.schedule.now}", b'{"id": {"odd": ["shape"]}}'
        with run.processes.running("web", shop.pk):
            state = Delivery.State.OPEN
            inbox.keep(shop.pk, source="store", delivery_id=given, topic=topics[0], body=body, state=state)
        run.ours.look_soon()
