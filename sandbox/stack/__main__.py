"""`python -m sandbox.stack` up, demo, check or clean-demo; the commands of the Makefile."""

from __future__ import annotations

import json
import os
import shutil
import sys
from pathlib import Path

from reverbsync.env import ROOT
from sandbox.stack import check, demo, ports, run
from sandbox.stack.services import CannotStart, Postgres
from sandbox.stack.stores import STORES

DEFAULT_PORT = 8000
DEMO_DATA = ROOT / ".data" / "demo"
ALL = "all"


def up() -> int:
    """Run the stack alone. The first line printed is a JSON object with its addresses and paths."""
    data = Path(os.environ.get("DATA") or ROOT / ".data" / "up").resolve()
    wanted = run.chosen_port() or DEFAULT_PORT
    port = ports.free(wanted)
    if port != wanted:
        print(run.other_port(wanted, port), file=sys.stderr)
    with run.stopped_by_signals(), run.up(data, port=port) as stack, run.registered(stack):
        shown = {
            "site_url": stack.site_url,
            "database_url": stack.environment["DATABASE_URL"],
            "redis_url": stack.environment["REDIS_URL"],
            "data": str(stack.data),
            "log": str(stack.log),
            "pid": os.getpid(),
            "manage": f"{sys.executable} {ROOT / 'manage.py'}",
        }
        print(json.dumps(shown), flush=True)
        run.stay(stack)
    return 0


def show() -> int:
    """Run the demo for a person, with a store of the kind that STORE names."""
    [kind] = _kinds(several=False)
    with run.stopped_by_signals(), demo.up(DEMO_DATA / kind, kind) as shown, run.registered(shown.stack):
        late = " within a minute" if shown.stand_in.silent else ""
        print(
            f"""
  ReverbSync   {shown.stack.site_url}/
  Sign in      {demo.EMAIL}  password  {shown.password}

  The stand-in store   {shown.store}/     change a price or a stock here,
  The stand-in Reverb  {shown.reverb_web}/     and see it arrive here{late}.

  Logs are in {shown.stack.log}. Ctrl-C stops everything; `make clean-demo` forgets it.
""",
            flush=True,
        )
        run.stay(shown.stack)
    return 0


def check_all() -> int:
    """Check the demo, with a store of each kind that STORE names."""
    return max(check.main(kind) for kind in _kinds(several=True))


def _kinds(*, several: bool) -> list[str]:
    """Return the kinds of store that STORE names. Raises CannotStart."""
    said = os.environ.get("STORE") or "shopify"
    if said == ALL and several:
        return list(STORES)
    if said not in STORES:
        raise CannotStart(f"STORE is one of {', '.join([*STORES, *([ALL] if several else [])])}, not {said!r}.")
    return [said]


def clean() -> int:
    """Remove the demo's data."""
    for data in sorted(DEMO_DATA.iterdir()) if DEMO_DATA.exists() else []:
        if not data.is_dir():
            continue
        with run.alone(data):
            if (data / "postgres" / "postmaster.pid").exists():
                with Postgres(data / "postgres"):
                    pass  # a killed launcher left it running; leaving the block stops it
            shutil.rmtree(data)
    shutil.rmtree(DEMO_DATA, ignore_errors=True)
    return 0


WORDS = {"up": up, "demo": show, "check": check_all, "clean-demo": clean}


def main() -> int:
    """Run one command; if it cannot start, print why in one sentence."""
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
