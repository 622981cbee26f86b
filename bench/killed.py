"""A mass sync of 5,000 products while a worker is killed every five seconds: does it end, rightly, for few calls more?

4,000 products are on Reverb, 800 of them out of step; 1,000 are new. All processes of `make up` run, with a second
worker for bulk work, under the supervisor, which starts a dead one again at once. The three workers die in turn, as by
`kill -9`, from the first page that is read until the mass sync is done. Baseline: the same one undisturbed, just
before, in the same stack.

The strict stand-in keeps Reverb's own limits, 600 writes a minute, so that the mass sync takes some minutes and many
workers die in it. It takes 50 ms for an answer, as in the other benchmarks. A call that was on its way when its worker
died was made all the same, and its answer is lost: what part of all calls that is, is the time for an answer over the
time between two deaths. A second listing with a SKU is not refused, so that one would be seen.

LATENCY_S, WORKERS (those that die, such as "sync,sync-2") and PRODUCTS measure other things.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from bench import stack, strict
from bench.report import Result, Row, print_result
from sandbox.stack import run

if TYPE_CHECKING:
    from listings.models import MassSync
    from shops.models import Shop

PRODUCTS = int(os.environ.get("PRODUCTS", "5000"))
LATENCY_S = float(os.environ.get("LATENCY_S", "0.05"))
#: The workers that die, in turn.
WORKERS = os.environ.get("WORKERS", "urgent,sync,sync-2").split(",")
EVERY_S = 5.0
#: So long each of the two may take.
PATIENCE_S = 720.0


@dataclass(frozen=True)
class Found:
    """What one mass sync came to."""

    calls: Counter[str]
    took_s: float
    kills: int
    claims: int
    #: What must hold → whether it did.
    right: dict[str, bool]


def main() -> int:
    """Measure undisturbed, then with killed workers."""
    second = run.worker("sync-2", "sync", 16, 10)
    with (
        strict.running() as reverb,
        stack.up(app=True, more={"REVERB_API_URL": f"{reverb.url}/api"}, beside=[second]) as bench,
    ):
        from bench import outcome

        reverb.control("POST", "/settings", {"refuses_second_sku": False})
        outcome.watch_claims()
        quiet = measured(bench, reverb, 1, killing=False)
        killed = measured(bench, reverb, 2, killing=True)
    table: list[Row] = [("", "undisturbed", "killed")]
    table += [("seconds", quiet.took_s, killed.took_s), ("workers killed", quiet.kills, killed.kills)]
    table += [("claims of jobs", quiet.claims, killed.claims)]
    table += [("calls", quiet.calls.total(), killed.calls.total())]
    names = sorted(quiet.calls | killed.calls, key=lambda name: -killed.calls[name])
    table += [(f"  {name}", quiet.calls[name], killed.calls[name]) for name in names]
    also = {f"{words}, undisturbed": met for words, met in quiet.right.items()} | killed.right
    also |= {"workers died all the time": killed.kills >= killed.took_s / EVERY_S - 2}
    value = killed.calls.total() / quiet.calls.total()
    return print_result(Result("killed", value, "<= 1.02", quiet.calls.total(), table, also))


def measured(bench: stack.Bench, reverb: strict.Reverb, number: int, *, killing: bool) -> Found:
    """Bring a shop's mass sync to its end, and look at what came of it."""
    from bench import mass, outcome

    token, products = f"token-{number}", mass.catalogue(0, PRODUCTS)
    owner = strict.owner(reverb, number)
    category = reverb.category()
    reverb.seed(mass.listings(products, category, mass.MANY), token=token)
    mass.keep(owner, products)
    reverb.control("POST", "/faults", {"kind": "slow", "delay_s": LATENCY_S, "times": 10**9})
    began = time.monotonic()
    with workers_dying(bench.supervisor if killing else None) as died:
        sync = brought_to_end(owner)
    took_s = time.monotonic() - began
    reverb.control("DELETE", "/faults")
    calls = Counter(reverb.calls(token))
    right = outcome.right(sync, reverb.listings(token), mass.listings(products, category, mass.Mix(0, 0)))
    return Found(calls, took_s, len(died), outcome.claims(owner), right)


def brought_to_end(owner: Shop) -> MassSync:
    """Begin a mass sync, start it when it is planned, and wait until the workers have brought it to its end."""
    from listings.mass_sync.run import begin, start
    from listings.models import MassSync

    sync = begin(owner, None, anyway=True)
    over = time.monotonic() + PATIENCE_S
    while sync.state in MassSync.OPEN and time.monotonic() < over:
        if sync.state == MassSync.State.PLANNED:
            start(owner)
        time.sleep(0.1)
        sync.refresh_from_db()
    return sync


@contextmanager
def workers_dying(supervisor: int | None) -> Iterator[list[str]]:
    """Kill one of a supervisor's workers every five seconds while the block runs; yields who has died so far."""
    died: list[str] = []
    over = threading.Event()

    def kill() -> None:
        while supervisor is not None and not over.wait(EVERY_S):
            name = WORKERS[len(died) % len(WORKERS)]
            pid = workers(supervisor).get(name)
            if pid is not None:
                os.killpg(pid, signal.SIGKILL)
                died.append(name)

    killer = threading.Thread(target=kill)
    killer.start()
    try:
        yield died
    finally:
        over.set()
        killer.join()


def workers(supervisor: int) -> dict[str, int]:
    """Return the workers under a supervisor, as Celery names them; each leads a process group of its own."""
    found = {}
    for pid in Path(f"/proc/{supervisor}/task/{supervisor}/children").read_text().split():
        words = Path(f"/proc/{pid}/cmdline").read_text().split("\0")
        name = next((word.removesuffix("@%h") for word in words if word.endswith("@%h")), None)
        if name is not None and os.getpgid(int(pid)) == int(pid):
            found[name] = int(pid)
    return found


if __name__ == "__main__":
    sys.exit(main())
