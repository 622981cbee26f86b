"""Run the simulation: `make simulate RUNS=100 SEED=1`. Exits 1 if a promise broke. More: docs/simulation.md."""

from __future__ import annotations

import argparse
import os
import sys
import time
from pathlib import Path

import django

from sandbox.stack.run import stopped_by_signals
from tests.simulation import many
from tests.simulation.many import Said

#: Folder of the shortest stories.
STORIES = many.ROOT / ".data" / "simulation"


def main() -> int:
    """Run what the arguments request; return the exit code. A signal ends it, including its servers."""
    options = _arguments()
    with stopped_by_signals():
        return _run(options)
    return 1


def _run(options: argparse.Namespace) -> int:
    with many.processes(options.processes) as workers:
        if options.hunt:
            return _hunt(workers, options)
        if options.story:
            [said] = workers.run(
                [{"story": Path(options.story).read_text(), "verbose": True, "mutant": options.mutant}]
            )
            return _print_story(said)
        if options.runs == 1:
            [said] = workers.run([{"seeds": [options.seed], "verbose": True, "mutant": options.mutant}])
            return _print_story(said)
        return _many(workers, options)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make simulate")
    parser.add_argument("--runs", type=int, default=100)
    parser.add_argument("--seed", type=int, default=1, help="the first one")
    parser.add_argument("--story", default="", help="a file with a story to run again")
    parser.add_argument("--mutant", default="", help="a bug to plant (tests/simulation/mutants.py)")
    parser.add_argument("--hunt", default="", help="bugs to plant one after the other, with commas between; or: all")
    parser.add_argument("--first", action="store_true", help="stop at the first broken promise, and shorten nothing")
    parser.add_argument("--twice", action="store_true", help="run each story twice: the same must happen")
    parser.add_argument("--shrink", type=float, default=90.0, help="seconds to look for shorter stories")
    parser.add_argument("--processes", type=int, default=2)
    return parser.parse_args()


def _many(workers: many.Many, options: argparse.Namespace) -> int:
    seeds = list(range(options.seed, options.seed + options.runs))
    wish = {"mutant": options.mutant, "first": options.first, "twice": options.twice, "shrink_s": options.shrink}
    began, done, broken = time.monotonic(), 0, []
    for said in workers.run([{**wish, "seeds": share} for share in many.shares(seeds, options.processes)]):
        done += 1
        if said["broken"] or said.get("parts"):
            broken.append(said)
            _fails(said)
        elif done % 100 == 0:
            print(f"{done} runs, {len(broken)} broke a promise", flush=True)
    minutes = (time.monotonic() - began) / 60
    print(f"{done} runs in {minutes:.1f} minutes ({done / minutes:.0f} a minute): {len(broken)} broke a promise")
    return 1 if broken or done < (0 if options.first else options.runs) else 0


def _all_bugs() -> list[str]:
    os.environ["DJANGO_SETTINGS_MODULE"] = "reverbsync.settings"
    django.setup()
    from tests.simulation.mutants import MUTANTS

    return sorted(MUTANTS)


def _hunt(workers: many.Many, options: argparse.Namespace) -> int:
    """Print for each bug in which run it was found; return 1 unless all were, and every run without them was clean."""
    names = _all_bugs() if options.hunt == "all" else options.hunt.split(",")
    seeds, failed = list(range(options.seed, options.seed + options.runs)), False
    for said in workers.run(
        [{"mutants": dict.fromkeys(share, seeds)} for share in many.shares(names, options.processes)]
    ):
        if "mutant" not in said:
            failed = True
            print(*said["broken"], flush=True)
            continue
        ran = seeds.index(said["seed"]) + 1 if said["seed"] is not None else None
        how = f"found in run {ran}: {said['broken'][0]}" if ran else "NOT FOUND"
        if not said["reached"]:
            how = "PATCHES NOTHING that our code calls"
        print(f"{said['mutant']}: {how} ({said['took_s']:.0f} s)", flush=True)
        for one in said["base_failures"]:
            print(f"  BASE FAILURE: seed {one['seed']} breaks without the bug too: {one['broken'][0]}", flush=True)
        failed |= not ran or not said["reached"] or bool(said["base_failures"])
    return 1 if failed else 0


def _fails(said: Said) -> None:
    print(f"\nseed {said['seed']} broke a promise:")
    for words in said["broken"] or ["the same story went another way when it was run again:", *said["parts"]]:
        print(f"  {words}")
    if said.get("story"):
        path = _kept(said)
        print("\nThe shortest story found:\n")
        print("\n".join(f"  {line}" for line in said["in_words"]))
        print("\nWhat happened:\n")
        print("\n".join(f"  {line}" for line in said["lines"]))
        print("\n".join(f"  {words}" for words in said.get("broken_still", [])))
        print(f"\nReplay it:  make simulate STORY={path}")
    print(f"Replay the whole run:  make simulate RUNS=1 SEED={said['seed']}\n", flush=True)


def _kept(said: Said) -> str:
    STORIES.mkdir(parents=True, exist_ok=True)
    path = STORIES / f"seed-{said['seed']}.json"
    path.write_text(said["story"])
    return str(path.relative_to(many.ROOT))


def _print_story(said: Said) -> int:
    print("\n".join([*said.get("in_words", []), "", *said.get("lines", []), ""]))
    print("\n".join(said["broken"]) or "every promise was kept")
    return 1 if said["broken"] else 0


if __name__ == "__main__":
    sys.exit(main())
