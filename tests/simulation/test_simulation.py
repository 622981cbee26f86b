"""Some runs of the simulation, and tests of the simulation itself: it is deterministic, and finds bugs quickly."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping
from typing import Any

import pytest

from tests.simulation import many, mutants, shrink, write
from tests.simulation.story import Step, Story

pytestmark = pytest.mark.live

RUNS = 40
#: Seeds of the runs in which each planted bug must be found.
SOON = range(90_000, 90_200)
PROCESSES = 2
#: Bugs that would sell a guitar twice or list it twice, and that are found within a few runs → the first seed of their
#: search. At night all bugs are searched for.
WORST = {
    "creates_without_look_up": 90_000,
    "echo_of_reverb_taken_for_an_edit": 90_000,
    "order_counted_twice": 90_000,
}


def simulate(*arguments: str, seconds: float = 1200) -> subprocess.CompletedProcess[str]:
    """Run the simulation as `make simulate` does."""
    command = [sys.executable, "-m", "tests.simulation", *arguments]
    return subprocess.run(command, cwd=many.ROOT, capture_output=True, text=True, timeout=seconds, check=False)


def hunt(first_seeds: Mapping[str, int]) -> dict[str, dict[str, Any]]:
    """Plant each bug separately, and return the results."""
    with many.processes(PROCESSES) as workers:
        shares = many.shares(list(first_seeds), PROCESSES)
        wishes = [{"mutants": {name: list(range(first_seeds[name], SOON.stop)) for name in share}} for share in shares]
        said = list(workers.run(wishes))
    return {one["mutant"]: one for one in said}


def was_found(said: dict[str, Any]) -> None:
    """Check that a bug broke a promise, in a run that keeps all of them without it."""
    assert said["reached"]
    assert said["base_failures"] == []
    assert said["broken"]


@pytest.fixture(scope="module")
def worst() -> dict[str, dict[str, Any]]:
    """Hunt the worst bugs."""
    return hunt(WORST)


@pytest.fixture(scope="module")
def all_bugs() -> dict[str, dict[str, Any]]:
    """Hunt all bugs."""
    return hunt(dict.fromkeys(mutants.MUTANTS, SOON.start))


def test_no_promise_breaks_in_a_few_runs() -> None:
    done = simulate("--runs", str(RUNS), "--seed", "20260101")
    broken = [line for line in done.stdout.splitlines() if "broke a promise" in line or "  promise " in line]
    assert done.returncode == 0, "\n".join([*broken, done.stdout[-20_000:]])


def test_the_same_seed_is_the_same_run() -> None:
    done = simulate("--runs", "3", "--seed", "31", "--twice")
    assert done.returncode == 0, done.stdout[-5_000:]


@pytest.mark.parametrize("mutant", WORST)
def test_a_planted_bug_of_the_worst_kind_is_found_soon(worst: dict[str, dict[str, Any]], mutant: str) -> None:
    was_found(worst[mutant])


@pytest.mark.night
@pytest.mark.parametrize("mutant", sorted(mutants.MUTANTS))
def test_a_planted_bug_is_found_soon(all_bugs: dict[str, dict[str, Any]], mutant: str) -> None:
    was_found(all_bugs[mutant])


@pytest.mark.parametrize("mutant", sorted(mutants.MUTANTS))
def test_a_planted_bug_replaces_something_that_is_there(mutant: str) -> None:
    with mutants.planted(mutant):
        pass


def test_a_story_can_be_written_down_and_read_again() -> None:
    for seed in range(50):
        story = write.story(seed)
        assert Story.loads(story.dumps()) == Story.loads(json.dumps(json.loads(story.dumps())))
        assert Story.loads(story.dumps()).in_words() == story.in_words()


def test_the_shortest_story_keeps_what_is_needed_and_nothing_else() -> None:
    def needed(one: Story) -> list[Step]:
        return [step for step in one.steps if step.shop == 0 and step.word in ("buy", "sell")]

    story = next(one for one in map(write.story, range(100)) if len(needed(one)) > 2)
    found = shrink.shortest(story, lambda one: len(needed(one)) >= 2, within_s=60)
    assert len(found.steps) == 2
    assert len(found.sides) == 1
    assert len(found.sides[0].things) == 1


def test_what_comes_after_a_step_that_was_left_out_still_comes_as_late() -> None:
    steps = (Step("sell", wait=1.0), Step("buy", wait=2.0), Step("price", wait=4.0))
    story = Story(1, write.story(1).sides, write.story(1).ways, steps)
    assert [step.wait for step in story.without(1, 1).steps] == [1.0, 6.0]
