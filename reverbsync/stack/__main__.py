"""`python -m reverbsync.stack up`: the stack without demo data, stand-ins or reloading."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

from reverbsync.env import ROOT
from reverbsync.stack import ports, run
from reverbsync.stack.services import CannotStart

DEFAULT_PORT = 8000


def main() -> int:
    """Run until a signal comes. The first line printed is one JSON object that tells where everything is."""
    data = Path(os.environ.get("DATA") or ROOT / ".data" / "up").resolve()
    wanted = int(os.environ.get("WEB_PORT") or DEFAULT_PORT)
    port = ports.free(wanted)
    if port != wanted:
        print(f"Port {wanted} is taken; using {port}.", file=sys.stderr)
    try:
        with run.stopped_by_signals(), run.up(data, port=port) as stack, run.told(stack):
            print(json.dumps(_told(stack)), flush=True)
            run.stay(stack)
    except CannotStart as error:
        print(error, file=sys.stderr)
        return 1
    return 0


def _told(stack: run.Stack) -> dict[str, str | int]:
    return {
        "site_url": stack.site_url,
        "database_url": stack.environment["DATABASE_URL"],
        "redis_url": stack.environment["REDIS_URL"],
        "data": str(stack.data),
        "log": str(stack.log),
        "pid": os.getpid(),
        "manage": f"{sys.executable} {ROOT / 'manage.py'}",
    }


if __name__ == "__main__":
    sys.exit(main())
