"""Stop a detached server once the process that uses it has died, however that happened.

    python guard.py server's-pid

PostgreSQL detaches itself from the process that starts it, so the parent-death signal (`parent.py`) does not reach it.
The guard's standard input is a pipe whose only other end is held by the using process: Linux closes it when that
process dies.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys


def guarding(server: int) -> subprocess.Popen[bytes]:
    """Start a guard for the server with this process id. Closing the guard's `stdin` ends the server, then the guard.

    The guard runs in its own session, so Ctrl-C in a terminal does not reach it.
    """
    command = [sys.executable, "-I", "-S", __file__, str(server)]
    quiet = subprocess.DEVNULL
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=quiet, stderr=quiet, start_new_session=True)


def _main() -> None:
    server = os.pidfd_open(int(sys.argv[1]))  # names this process, even after its number is reused
    sys.stdin.buffer.read()
    with contextlib.suppress(ProcessLookupError):
        signal.pidfd_send_signal(server, signal.SIGINT)  # PostgreSQL's fast shutdown


if __name__ == "__main__":
    _main()
