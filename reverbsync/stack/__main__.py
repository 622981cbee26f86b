"""`python -m reverbsync.stack` up, demo, check or clean-demo; the words of the Makefile."""

from __future__ import annotations

import json
import os
import shutil
import sys
from pathlib import Path

from reverbsync.env import ROOT
from reverbsync.stack import check, demo, ports, run
from reverbsync.stack.services import CannotStart, Postgres

DEFAULT_PORT = 8000
DEMO_DATA = ROOT / ".data" / "demo"


def up() -> int:
    """Run the stack alone. The first line printed is one JSON object that tells where everything is."""
    data = Path(os.environ.get("DATA") or ROOT / ".data" / "up").resolve()
    wanted = int(os.environ.get("WEB_PORT") or DEFAULT_PORT)
    port = ports.free(wanted)
    if port != wanted:
        print(f"Port {wanted} is taken; using {port}.", file=sys.stderr)
    with run.stopped_by_signals(), run.up(data, port=port) as stack, run.told(stack):
        told = {
            "site_url": stack.site_url,
            "database_url": stack.environment["DATABASE_URL"],
            "redis_url": stack.environment["REDIS_URL"],
            "data": str(stack.data),
            "log": str(stack.log),
            "pid": os.getpid(),
            "manage": f"{sys.executable} {ROOT / 'manage.py'}",
        }
        print(json.dumps(told), flush=True)
        run.stay(stack)
    return 0


def show() -> int:
    """Run the demo for a person."""
    with run.stopped_by_signals(), demo.up(DEMO_DATA) as shown, run.told(shown.stack):
        print(
            f"""
  ReverbSync   {shown.stack.site_url}/
  Sign in      {demo.EMAIL}  password  {shown.password}

  The stand-in store   {shown.store}/     change a price or a stock here,
  The stand-in Reverb  {shown.reverb_web}/     and see it arrive here.

  Logs are in {shown.stack.log}. Ctrl-C stops everything; `make clean-demo` forgets it.
""",
            flush=True,
        )
        run.stay(shown.stack)
    return 0


def clean() -> int:
    """Remove what the demo kept."""
    if DEMO_DATA.exists():
        with run.alone(DEMO_DATA):
            if (DEMO_DATA / "postgres" / "postmaster.pid").exists():
                with Postgres(DEMO_DATA / "postgres"):
                    pass  # a launcher that was killed left it running; leaving the block stops it
            shutil.rmtree(DEMO_DATA)
    return 0


WORDS = {"up": up, "demo": show, "check": check.main, "clean-demo": clean}


def main() -> int:
    """Run one word; what cannot start says why in one sentence."""
    if len(sys.argv) != 2 or sys.argv[1] not in WORDS:
        print(f"One of: {', '.join(WORDS)}", file=sys.stderr)
        return 2
    try:
        return WORDS[sys.argv[1]]()
    except CannotStart as error:
        print(error, file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
