"""Watch our engine from the outside: claims of jobs, and the results of each attempt."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from unittest import mock

from listings import tasks
from listings.models import Job, Ledger, Product
from listings.queue import jobs
from listings.queue.jobs import Claim
from listings.stock.reading import ORDERS_KEEP_IN_BULK_S, ORDERS_KEEP_S
from listings.sync import log
from listings.sync.attempt import attempt
from sandbox.common.keep import Doc
from shops.models import PushedProduct, SyncSettings
from synclog.record import Attempt
from tests.simulation.book import Item
from tests.simulation.calls import Call

if TYPE_CHECKING:
    from tests.simulation.run import Run


#: Seconds for which a product must have had units so that its listing must not be ended.
GOOD_FOR_S = 600.0
#: Status of a write that a side refused in its own words.
REFUSED = 422


@dataclass
class Claimed:
    """A claim, and the attempt that was made with it."""

    claim: Claim
    product: str
    began_at: float
    #: When the product's snapshot that it works with was read from the store.
    read_at: float
    ended: str = ""  # "", "returned", "killed", "put off" (the rate limit did not allow its first call), "lost"
    entries: list[str] = field(default_factory=list)
    writes: int = 0


class Watch:
    """Records what the promises need to know about our own actions."""

    def __init__(self, run: Run) -> None:
        """Start without records."""
        self._run = run
        self.claims: list[Claimed] = []
        #: Writes of ours by which a sold unit was on sale again.
        self.unsafe: list[str] = []
        #: SKU → the store's number right before our last write there.
        self._numbers: dict[str, int | None] = {}
        #: SKU → the units that Reverb showed right before our last write there.
        self._shown: dict[str, int] = {}

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Watch while the block runs."""
        with ExitStack() as stack:
            stack.enter_context(mock.patch.object(jobs, "claim", self._claim(jobs.claim)))
            stack.enter_context(mock.patch.object(tasks, "attempt", self._attempt(attempt)))
            stack.enter_context(mock.patch.object(log, "attempt_of", self._note_entries(log.attempt_of)))
            yield

    def before(self, call: Call) -> None:
        """Record the numbers right before a write of ours is applied."""
        if call.side == "store" and call.writes:
            items = self._run.world.items[self._run.shops_index(call.shop_id)]
            self._numbers = {item.sku: self._run.world.in_store(item) for item in items}
        elif call.side == "reverb" and call.writes:
            items, world = self._run.world.items[self._run.shops_index(call.shop_id)], self._run.world
            self._shown = {item.sku: world.shown(world.listing(item)) for item in items}

    def applied(self, call: Call) -> None:
        """Check after a call of ours was applied that it put no known-sold unit on sale."""
        if call.side == "store" and not call.writes:
            self._note_numbers(call)
        if not call.writes or call.status is None or call.status >= 300:
            return
        for item in self._run.world.items[self._run.shops_index(call.shop_id)]:
            if item.deleted or item.way == "store" or item.book.unsure:
                continue
            if broken := self._too_many(call, item) or self._ended_for_nothing(call, item):
                self.unsafe.append(broken)

    def _note_numbers(self, call: Call) -> None:
        body = json.dumps(call.body)
        if not re.search(r"query (Products?|Count)\b", body):
            return  # orders and the like show no stock
        for item in self._run.world.items[self._run.shops_index(call.shop_id)]:
            about = "gid:" not in body or re.search(rf"\b({item.product_id}|{item.counted_id})\b", body)
            if item.way == "store" and about:
                item.read_there.append((call, self._run.world.in_store(item)))

    def _too_many(self, call: Call, item: Item) -> str:
        """Return the error if a side offers more than can be left, allowing for events since our reading."""
        run = self._run
        looked = call.attempt.began_at if call.attempt is not None else call.begun_at
        # The lists of orders lag, and orders that were read a moment ago count as read.
        in_bulk = call.attempt is not None and call.attempt.claim.trigger == jobs.MASS
        keep_s = ORDERS_KEEP_IN_BULK_S if in_bulk else ORDERS_KEEP_S
        lag = float(run.story.ways["reverb"]["orders_lag_s"]) + keep_s + 1.0
        sold = item.book.taken_since(call.attempt.read_at if call.attempt is not None else 0.0, "store")
        most = max(0, item.book.units + item.book.taken_since(looked - lag, "reverb") + sold)
        world = run.world
        if call.side == "reverb" and call.method in ("PUT", "POST") and "inventory" in (call.body or {}):
            listing = world.listing(item)
            if listing is None or (call.body or {}).get("sku", item.sku) != item.sku or not _is_about(call, listing):
                return ""
            shown = world.shown(listing)
            return f"{item.sku}: we put {shown} on sale on Reverb, and {item.book.units} are left" * (shown > most)
        if call.side == "store":
            there, before = world.in_store(item) or 0, self._numbers.get(item.sku)
            if before is None or there <= before:
                return ""
            return f"{item.sku}: we set {there} in the store, and {item.book.units} are left" * (there > most)
        return ""

    def _ended_for_nothing(self, call: Call, item: Item) -> str:
        """Return the error if we ended a listing although the store had units all the time."""
        world = self._run.world
        if call.side != "reverb" or not self._shown.get(item.sku) or world.shown(world.listing(item)):
            return ""
        if item.was_deleted or item.book.never_offered:
            return ""
        since = self._run.schedule.now - GOOD_FOR_S
        recent = [one for one in item.book.changes if one.at > since]
        # Additions since then may not have reached us, and deductions may have.
        at_first = recent[0].left - recent[0].by if recent else item.book.units
        least = min(at_first + sum(min(0, one.by) for one in recent), world.in_store(item) or 0)
        with self._run.processes.running("the simulation"):
            shop = world.shop_of(item)
            kept = SyncSettings.objects.get(shop=shop).stock_buffer
            known = Ledger.objects.filter(listing__product__shop=shop, listing__product__sku=item.sku).first()
        # Both allow for fewer units: a sale from before the link, and a change whose response was lost.
        least -= item.book.unsure_since(since)
        least -= abs(known.pending_adjustment["by"]) if known is not None and known.pending_adjustment else 0
        return f"{item.sku}: we ended its listing, and {least} or more were left all the time" * (least > kept)

    def _claim(self, claim: Callable[..., Claim | None]) -> Callable[..., Claim | None]:
        def claimed(*args: Any, **named: Any) -> Claim | None:
            found = claim(*args, **named)
            process = self._run.processes.current
            if found is not None:
                with self._run.processes.running("the simulation"):
                    read_at = self._read_at(Product.objects.get(pk=found.product_id))
                known = Claimed(found, str(found.product_id), self._run.schedule.now, read_at, "killed")
                self.claims.append(known)
                if process is not None:
                    process.attempt = known
            return found

        return claimed

    def _read_at(self, product: Product) -> float:
        """Return the time of our data about the product; a store that pushes products dates it by its own clock."""
        known = PushedProduct.objects.filter(store__shop=product.shop_id, product_id=product.store_parent_id).first()
        if known is None:
            return product.read_at.timestamp()
        said_at = known.counted_at or known.said_at
        skew_s: float = self._run.story.ways["store_skew_s"]
        return min(product.read_at.timestamp(), said_at.timestamp() - skew_s)

    def _attempt(self, attempt: Callable[[Claim], None]) -> Callable[[Claim], None]:
        def attempted(taken: Claim) -> None:
            process = self._run.processes.current
            known: Claimed = process.attempt if process is not None else self.claims[-1]
            with self._run.processes.running("the simulation"):
                sku = Product.objects.filter(pk=taken.product_id).values_list("sku", flat=True).first()
            self._run.log(f"  a worker begins with {sku} ({taken.trigger}, try {taken.attempt})")
            attempt(taken)
            if process is not None:
                process.attempt = None
            made = [call for call in self._run.calls.made if call.attempt is known and call.writes]
            known.writes = sum(call.status != REFUSED for call in made)
            with self._run.processes.running("the simulation"):
                known.ended = "returned" if known.entries else self._without_entry(taken)
            ended = ", ".join(known.entries) or known.ended
            self._run.log(f"  the worker is done with {sku}: {ended}")

        return attempted

    def _without_entry(self, taken: Claim) -> str:
        """Classify an attempt without an entry: delayed by the rate limiter, taken over, or the entry is missing."""
        job = Job.objects.filter(pk=taken.job_id).first()
        if job is None or (job.lease is not None and job.lease != taken.lease):
            return "lost"
        return "put off" if job.lease is None else "returned"

    def _note_entries(self, attempt_of: Callable[..., Attempt]) -> Callable[..., Attempt]:
        def noted(*args: Any, **named: Any) -> Attempt:
            entry = attempt_of(*args, **named)
            process = self._run.processes.current
            if process is not None and process.attempt is not None and entry.reason != "interrupted":
                process.attempt.entries.append(entry.reason)
            return entry

        return noted


def _is_about(call: Call, listing: Doc) -> bool:
    return call.method == "POST" or f"/listings/{listing['id']}" in call.path
