"""The shared parts of all runs: the stand-ins and our processes' connections. Set up once per process, after Django."""

from __future__ import annotations

import gc
from functools import lru_cache

from tests.simulation import mutants
from tests.simulation.outside import Outside
from tests.simulation.processes import Processes
from tests.simulation.run import Run, RunResult
from tests.simulation.story import Story


@lru_cache(maxsize=1)
def _stage() -> tuple[Outside, Processes]:
    made = Outside(), Processes(lambda *_: None, lambda *_: None)
    gc.freeze()
    return made


def run_story(story: Story, *, mutant: str = "") -> RunResult:
    """Run one story on our code and return the outcome. `mutant` names a planted bug."""
    outside, processes = _stage()
    with mutants.planted(mutant):
        run = Run(story, outside, processes)
        try:
            return run.go()
        finally:
            run.stop()
