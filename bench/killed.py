"""A mass sync of 5,000 products with a worker killed every five seconds: is it correct, with few extra calls?

4,000 products are on Reverb, 800 of them out of sync; 1,000 are new. All processes of `make up` run, with a second
worker for bulk work, under the supervisor, which restarts a dead one at once. The three workers die in turn, as by
`kill -9`, from the first page that is read until the mass sync is done. Baseline: the same mass sync without kills,
just before, in the same stack.

The strict stand-in enforces Reverb's own limits, 600 writes a minute, so that the mass sync takes some minutes and many
workers die in it. It responds after 50 ms, as in the other benchmarks. A call in flight when its worker dies is still
applied, and its response is lost: the share of such calls is the response time divided by the time between two kills.
The stand-in accepts a second listing with the same SKU, so that a duplicate would be seen.

The variables LATENCY_S, WORKERS (those that are killed, such as "sync,sync-2") and PRODUCTS change the setup.
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
#: The workers that are killed, in turn.
WORKERS = os.environ.get("WORKERS", "urgent,sync,sync-2").split(",")
EVERY_S = 5.0
#: Time limit of each of the two mass syncs, in seconds.
PATIENCE_S = 720.0


@dataclass(frozen=True)
class Found:
    """The outcome of one mass sync."""

    calls: Counter[str]
    took_s: float
    kills: int
    claims: int
    #: Condition → whether it holds.
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
    """Run a shop's mass sync to its end and return the outcome."""
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
    """Begin a mass sync, start it once it is planned, and wait until the workers have finished it."""
    from listings.mass_sync.starting import begin, start
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
    """Kill one of a supervisor's workers every five seconds while the block runs; yield the names killed so far."""
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
    """Return the workers under a supervisor by Celery's name; each leads its own process group."""
    found = {}
    for pid in Path(f"/proc/{supervisor}/task/{supervisor}/children").read_text().split():
        words = Path(f"/proc/{pid}/cmdline").read_text().split("\0")
        name = next((word.removesuffix("@%h") for word in words if word.endswith("@%h")), None)
        if name is not None and os.getpgid(int(pid)) == int(pid):
            found[name] = int(pid)
    return found


if __name__ == "__main__":
    sys.exit(main())
