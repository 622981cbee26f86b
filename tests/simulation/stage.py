"""What runs need under their feet: a database of their own, Redis, the stand-ins. Set up once a process."""

from __future__ import annotations

import os
from functools import lru_cache

from tests.simulation.outside import Outside
from tests.simulation.processes import Processes
from tests.simulation.story import Story


@lru_cache(maxsize=1)
def _outside() -> Outside:
    return Outside()


@lru_cache(maxsize=1)
def _processes() -> Processes:
    return Processes(lambda *_: None, lambda *_: None)


def tell(story: Story) -> Verdict:
    """Tell one story to our code, and return how it ended."""
    run = Run(story, _outside(), _processes())
    try:
        return run.go()
    finally:
        run.stop()


from tests.simulation.run import Run, Verdict  # noqa: E402 -- the settings must be there first

__all__ = ["os", "tell"]
