"""`python -m bench [name …]`: run benchmarks in sequence; exit 1 if one misses its goal.

Each runs in its own process with its own stack on the loopback address, and shuts everything down at the end.
"""

from __future__ import annotations

import subprocess
import sys
import time

from sandbox.stack.parent import dying_with_us
from sandbox.stack.run import stop_on_signals

#: Seconds that a benchmark has to shut its stack down.
DOWN_S = 60
#: Name → time limit in seconds. Each is `bench/<name>.py`.
BENCHES = {
    "overhead": 240,
    "rate_limit": 240,
    "fairness": 420,
    "urgent": 300,
    "neighbour": 480,
    "flood": 480,
    "sold": 300,
    "intake": 180,
    "synclog": 1800,
    "calls": 600,
    "repeat": 600,
    "growth": 900,
    "killed": 1800,
}


def main(wanted: list[str]) -> int:
    """Run the named benchmarks, or all; return the exit code."""
    if unknown := [name for name in wanted if name not in BENCHES]:
        print(f"There is no {', '.join(unknown)}. One of: {', '.join(BENCHES)}", file=sys.stderr)
        return 2
    short = []
    for name in wanted or BENCHES:
        began = time.monotonic()
        print(f"-- {name}", flush=True)
        code = _run(name)
        print(f"   ({time.monotonic() - began:.0f} s)\n", flush=True)
        if code:
            short.append(name)
    if short:
        print(f"Short of the goal: {', '.join(short)}", file=sys.stderr)
    return 1 if short else 0


def _run(name: str) -> int:
    """Run one benchmark and return its exit code. It always gets time to shut its stack down."""
    process = subprocess.Popen(dying_with_us([sys.executable, "-m", f"bench.{name}"]))
    try:
        return process.wait(BENCHES[name])
    except subprocess.TimeoutExpired:
        print(f"It took longer than {BENCHES[name]} s.", file=sys.stderr)
        return 1
    finally:
        _end(process)


def _end(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(DOWN_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


if __name__ == "__main__":
    stop_on_signals()
    sys.exit(main(sys.argv[1:]))
