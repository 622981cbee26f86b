"""Find the shortest story that still breaks the same promise: remove steps, then everything else not needed."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

from tests.simulation.story import PLAIN, PLAIN_REVERB, Side, Step, Story

#: Returns whether the story still breaks the promise.
Breaks = Callable[[Story], bool]


def shortest(story: Story, breaks: Breaks, *, within_s: float) -> Story:
    """Return the shortest story found within the time limit in seconds."""
    over = time.monotonic() + within_s

    def still(one: Story) -> bool:
        return time.monotonic() < over and breaks(one)

    best = _fewer_steps(story, still)
    best = _first_that_breaks(best, still, _fewer_things)
    best = _first_that_breaks(best, still, _plainer_world)
    best = _first_that_breaks(best, still, _plainer_steps)
    return _fewer_steps(best, still)


def _fewer_steps(story: Story, still: Breaks) -> Story:
    """Remove ever smaller parts of the steps (delta debugging)."""
    part = max(1, len(story.steps) // 2)
    while True:
        first = 0
        while first < len(story.steps):
            shorter = story.without(first, part)
            if still(shorter):
                story = shorter
            else:
                first += part
        if part == 1:
            return story
        part = max(1, part // 2)


def _first_that_breaks(story: Story, still: Breaks, ways: Callable[[Story], Iterator[Story]]) -> Story:
    """Apply one simplification after the other, as long as any still breaks the promise."""
    tried: set[str] = set()
    going = True
    while going:
        going = False
        for plainer in ways(story):
            text = plainer.dumps()
            if plainer != story and text not in tried:
                tried.add(text)
                if still(plainer):
                    story, going = plainer, True
                    break
    return story


def _fewer_things(story: Story) -> Iterator[Story]:
    for gone in range(len(story.sides) if len(story.sides) > 1 else 0):
        sides = story.sides[:gone] + story.sides[gone + 1 :]
        steps = [step for step in story.steps if step.shop != gone]
        yield replace(story, sides=sides, steps=tuple(replace(s, shop=s.shop - (s.shop > gone)) for s in steps))
    for number, side in enumerate(story.sides):
        for gone in range(len(side.things) if len(side.things) > 1 else 0):
            yield _without_thing(story, number, gone)
        for name in side.settings:
            yield _with_side(story, number, replace(side, settings=_less(side.settings, name)))


def _without_thing(story: Story, number: int, gone: int) -> Story:
    side = story.sides[number]
    size = len(side.things)
    steps = []
    for step in story.steps:
        if step.shop != number:
            steps.append(step)
        elif step.thing % size != gone:
            thing = step.thing % size
            steps.append(replace(step, thing=thing - (thing > gone)))
    left = replace(side, things=side.things[:gone] + side.things[gone + 1 :])
    return replace(_with_side(story, number, left), steps=tuple(steps))


def _with_side(story: Story, number: int, side: Side) -> Story:
    return replace(story, sides=(*story.sides[:number], side, *story.sides[number + 1 :]))


def _less(settings: Any, name: str) -> dict[str, Any]:
    return {key: value for key, value in settings.items() if key != name}


def _plainer_world(story: Story) -> Iterator[Story]:
    for name, value in PLAIN.items():
        yield replace(story, ways={**story.ways, name: value})
    for name, value in PLAIN_REVERB.items():
        yield replace(story, ways={**story.ways, "reverb": {**story.ways["reverb"], name: value}})


def _plainer_steps(story: Story) -> Iterator[Story]:
    for number, step in enumerate(story.steps):
        for plainer in _plainer(step):
            yield replace(story, steps=(*story.steps[:number], plainer, *story.steps[number + 1 :]))


def _plainer(step: Step) -> Iterator[Step]:
    if step.wait not in (0.0, 1.0):
        yield replace(step, wait=1.0)
    if step.at and step.where != "any":
        yield replace(step, where=step.where.partition(" ")[0])
    if step.at > 1:
        yield replace(step, at=1)
    if step.n > 1:
        yield replace(step, n=1)
