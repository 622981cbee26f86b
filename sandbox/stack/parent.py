"""End started processes when their parent dies, even if it is killed.

    python parent.py parent's-pid program arguments…

asks Linux to end this process when its parent dies, however that happens, and becomes the program. A `preexec_fn` would
do the same, but may crash or hang in a parent that has threads.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys
from collections.abc import Sequence

SET_PARENT_DEATH_SIGNAL = 1
#: Instead of a parent's number, if it is not known beforehand.
WHOEVER = 0


def dying_with_us(command: Sequence[str]) -> list[str]:
    """Return the command that runs `command` until this process dies. Outside Linux it is `command` itself."""
    return _dying_with(os.getpid(), command)


def dying_with_its_parent(command: Sequence[str]) -> list[str]:
    """Return the command that runs `command` until the process that starts it dies."""
    return _dying_with(WHOEVER, command)


def _dying_with(parent: int, command: Sequence[str]) -> list[str]:
    return [sys.executable, "-I", "-S", __file__, str(parent), *command] if sys.platform == "linux" else [*command]


def _main() -> None:
    parent = int(sys.argv[1]) or os.getppid()
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(SET_PARENT_DEATH_SIGNAL, signal.SIGTERM)
    if os.getppid() != parent:  # the parent died before we asked, so no signal will come
        sys.exit(128 + signal.SIGTERM)
    os.execvp(sys.argv[2], sys.argv[2:])


if __name__ == "__main__":
    _main()
