"""Watches our engine from outside: who claimed which job, and what each attempt left behind."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from unittest import mock

from listings import jobs, tasks
from listings.jobs import Claim
from listings.models import Job, Product
from listings.sync import words
from synclog.record import Attempt

if TYPE_CHECKING:
    from tests.simulation.run import Run


@dataclass
class Claimed:
    """A claim, and the attempt that was made with it."""

    claim: Claim
    product: str
    began_at: float
    ended: str = ""  # "", "returned", "killed", "put off" (the pace did not allow its first call), "lost"
    entries: list[str] = field(default_factory=list)
    writes: int = 0


class Watch:
    """Keeps what the promises need to know about our own doing."""

    def __init__(self, run: Run) -> None:
        """Nothing was seen yet."""
        self._run = run
        self.claims: list[Claimed] = []
        self.names: list[int] = []

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Watch while the block runs."""
        with ExitStack() as stack:
            stack.enter_context(mock.patch.object(jobs, "claim", self._claim(jobs.claim)))
            stack.enter_context(mock.patch.object(tasks, "attempt", self._attempt(tasks.attempt)))
            stack.enter_context(mock.patch.object(words, "record", self._record(words.record)))
            yield

    def _claim(self, claim: Callable[..., Claim | None]) -> Callable[..., Claim | None]:
        def claimed(*args: Any, **named: Any) -> Claim | None:
            found = claim(*args, **named)
            process = self._run.processes.current
            if found is not None:
                known = Claimed(found, str(found.product_id), self._run.schedule.now, "killed")
                self.claims.append(known)
                if process is not None:
                    process.attempt = known
            return found

        return claimed

    def _attempt(self, attempt: Callable[[Claim], None]) -> Callable[[Claim], None]:
        def attempted(taken: Claim) -> None:
            process = self._run.processes.current
            known: Claimed = process.attempt if process is not None else self.claims[-1]
            sku = Product.objects.filter(pk=taken.product_id).values_list("sku", flat=True).first()
            self._run.tell(f"  a worker begins with {sku} ({taken.cause}, try {taken.attempt})")
            calls = self._run.calls.made
            first = len(calls)
            attempt(taken)
            shop_calls = [call for call in calls[first:] if call.shop_id == taken.shop_id]
            known.writes = sum(call.writes for call in shop_calls)
            known.ended = "returned" if known.entries else self._without_entry(taken)
            told = ", ".join(known.entries) or known.ended
            self._run.tell(f"  the worker is done with {sku}: {told}")

        return attempted

    def _without_entry(self, taken: Claim) -> str:
        """An attempt that left no entry: put off by the pace, or its job was taken over, or it just forgot."""
        job = Job.objects.filter(pk=taken.job_id).first()
        if job is None or (job.lease is not None and job.lease != taken.lease):
            return "lost"
        return "put off" if job.lease is None else "returned"

    def _record(self, record: Callable[[Attempt], Any]) -> Callable[[Attempt], Any]:
        def recorded(told: Attempt) -> Any:
            process = self._run.processes.current
            if process is not None and process.attempt is not None and told.reason != "interrupted":
                process.attempt.entries.append(told.reason)
            return record(told)

        return recorded
