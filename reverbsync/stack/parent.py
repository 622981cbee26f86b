"""Nothing that we start outlives us, not even when we are killed.

    python parent.py program arguments…

asks Linux to end this process when its parent dies, however that happens, and becomes the program. A `preexec_fn` would
do the same, and crash or hang now and then in a parent that has threads.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys
from collections.abc import Sequence

SET_PARENT_DEATH_SIGNAL = 1


def dying_with_us(command: Sequence[str]) -> list[str]:
    """Return the command that runs `command` until we die. On other systems than Linux it is `command` itself."""
    return [sys.executable, "-I", "-S", __file__, *command] if sys.platform == "linux" else [*command]


if __name__ == "__main__":
    ctypes.CDLL(None).prctl(SET_PARENT_DEATH_SIGNAL, signal.SIGTERM)
    os.execvp(sys.argv[1], sys.argv[1:])  # noqa: S606 -- the program that our own code names
