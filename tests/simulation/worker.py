"""One process of several: runs its share of the seeds, and prints each outcome as a line of JSON.

    python -m tests.simulation.worker '{"seeds": [1, 2, 3], "mutant": ""}'

DATABASE_URL and REDIS_URL name a database and a Redis of its own.
"""

from __future__ import annotations

import json
import os
import re
import sys
import time
from itertools import zip_longest
from typing import Any

os.environ["DJANGO_SETTINGS_MODULE"] = "reverbsync.settings"
#: Addresses have an unguessable part, which differs each time and changes nothing.
_KEYS = re.compile(r"webhooks/(store|reverb)/[^/]+/")


def main(wish: dict[str, Any]) -> None:
    """Run the stories."""
    import django

    django.setup()
    from tests.simulation import write
    from tests.simulation.stage import run_story
    from tests.simulation.story import Story

    if wish.get("mutants"):
        _hunt(wish["mutants"])
        return
    mutant = str(wish.get("mutant", ""))
    stories = [Story.loads(wish["story"])] if wish.get("story") else [write.story(seed) for seed in wish["seeds"]]
    left_s = float(wish.get("shrink_s", 0.0))
    for story in stories:
        began = time.monotonic()
        result = run_story(story, mutant=mutant)
        took = time.monotonic() - began
        said: dict[str, Any] = {
            "seed": story.seed,
            "took_s": round(took, 2),
            "calls": result.calls,
            "attempts": result.attempts,
            "broken": [str(one) for one in result.broken],
        }
        if result.broken and left_s > 0 and not wish.get("first"):
            said |= _shrunk(result, mutant, left_s)
            left_s -= time.monotonic() - began
        if wish.get("verbose"):
            said |= {"story": story.dumps(), "in_words": story.in_words(), "lines": result.lines}
        if wish.get("twice"):
            again = run_story(story, mutant=mutant)
            said["parts"] = _parting(_plain(result.lines), _plain(again.lines))
        print(json.dumps(said), flush=True)
        if result.broken and wish.get("first"):
            return


def _hunt(bugs: dict[str, list[int]]) -> None:
    """Plant one bug after the other in runs with its seeds, and print the first seed that finds it."""
    from tests.simulation import mutants, write
    from tests.simulation.stage import run_story

    for name, seeds in bugs.items():
        said: dict[str, Any] = {"mutant": name, "seed": None, "broken": [], "base_failures": []}
        began, called = time.monotonic(), mutants.called[name]
        for seed in seeds:
            story = write.story(seed)
            # A bug that makes a task raise is found anyway: a promise must be broken.
            broken = [one for one in run_story(story, mutant=name).broken if one.promise]
            if not broken:
                continue
            # A failure without the bug says nothing about the bug, but is a bug of ours.
            if clean := run_story(story).broken:
                said["base_failures"].append({"seed": seed, "broken": [str(one) for one in clean]})
                continue
            said |= {"seed": seed, "broken": [str(one) for one in broken]}
            break
        said |= {"reached": mutants.called[name] > called, "took_s": round(time.monotonic() - began, 1)}
        print(json.dumps(said), flush=True)


def _shrunk(result: Any, mutant: str, within_s: float) -> dict[str, Any]:
    """Return the shortest story that breaks the same promise."""
    from tests.simulation.shrink import shortest
    from tests.simulation.stage import run_story
    from tests.simulation.story import Story

    promise = result.broken[0].promise

    def breaks(story: Story) -> bool:
        return any(one.promise == promise for one in run_story(story, mutant=mutant).broken)

    short = shortest(result.story, breaks, within_s=within_s)
    last = run_story(short, mutant=mutant)
    return {
        "story": short.dumps(),
        "in_words": short.in_words(),
        "lines": last.lines,
        "broken_still": [str(one) for one in last.broken],
    }


def _parting(one: list[str], other: list[str]) -> list[str]:
    """Return the first lines in which two runs differ, with the one before; empty if they are the same."""
    for number, (first, second) in enumerate(zip_longest(one, other, fillvalue="(the end)")):
        if first != second:
            return [*one[max(0, number - 1) : number], f"once: {first}", f"then: {second}"]
    return []


def _plain(log: list[str]) -> list[str]:
    return [_KEYS.sub("webhooks/", line) for line in log]


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
