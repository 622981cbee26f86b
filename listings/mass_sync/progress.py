"""The progress of a mass sync: its lines counted by kind, state and reason, the allowed rate, and the time left."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Self

from django.db.models import Count

from listings.mass_sync import plan, run
from listings.models import Line, MassSync, Product
from reverbsync.ratelimit import limiter
from reverbsync.ratelimit.budget import RateLimitUnavailable
from shops.models import ReverbConnection
from shops.reverb import limits
from synclog.reasons import REASONS

Kind, Lines, State = Line.Kind, Line.State, MassSync.State
#: What each kind means before anything is written, and afterwards.
WOULD = {
    Kind.CREATE: "would be made",
    Kind.UPDATE: "would be changed",
    Kind.END: "would be taken off sale",
    Kind.LOOK: "would be looked at",
}
WAS = {
    Kind.CREATE: "made",
    Kind.UPDATE: "changed",
    Kind.END: "taken off sale",
    Kind.LOOK: "looked at",
}


@dataclass(frozen=True)
class Counted:
    """A number with its words; `key` is its name in an address."""

    key: str
    words: str
    count: int


@dataclass(frozen=True)
class Tally:
    """The number of lines of each kind, state and reason."""

    rows: tuple[tuple[str, str, str, int], ...]

    @classmethod
    def of(cls, sync: MassSync) -> Self:
        """Count the lines of a mass sync."""
        found = Line.objects.filter(sync=sync).values_list("kind", "state", "reason")
        return cls(tuple((*key, count) for *key, count in found.annotate(n=Count("pk"))))

    def count(self, *kinds: str, state: str = "") -> int:
        """Return the number of lines of these kinds, in a state or in all."""
        return sum(n for kind, now, _, n in self.rows if kind in kinds and state in ("", now))

    def calls(self, state: str = "") -> int:
        """Return the number of lines that make a call, in a state or in all."""
        return self.count(*Line.CALLS, state=state)

    def reasons(self, kind: str) -> list[Counted]:
        """Return the reasons of the lines of a kind, most frequent first."""
        found: Counter[str] = Counter()
        for one, _, reason, n in self.rows:
            if one == kind:
                found[reason] += n
        return [Counted(reason, words_of(reason), n) for reason, n in found.most_common()]

    @property
    def done(self) -> int:
        """The number of calls that succeeded."""
        return self.calls(Lines.DONE)

    @property
    def failed(self) -> int:
        """The number of calls that failed."""
        return self.calls(Lines.FAILED)

    @property
    def to_do(self) -> int:
        """The number of calls that are open or in progress."""
        return self.calls(Lines.OPEN) + self.calls(Lines.QUEUED)

    @property
    def through(self) -> int:
        """The number of calls that succeeded or failed."""
        return self.done + self.failed

    @property
    def planned(self) -> list[Counted]:
        """What would be done."""
        return [Counted(kind, words, self.count(kind)) for kind, words in WOULD.items()]

    @property
    def made(self) -> list[Counted]:
        """What was done."""
        return [Counted(kind, words, self.count(kind, state=Lines.DONE)) for kind, words in WAS.items()]

    @property
    def in_sync(self) -> int:
        """The number of products that need nothing, since both sides agree."""
        return self.count(Kind.NOTHING)

    @property
    def left(self) -> int:
        """The number of products left alone for another reason."""
        return self.count(Kind.LEFT)

    @property
    def cannot(self) -> int:
        """The number of products that wait for the seller."""
        return self.count(Kind.CANNOT)


def words_of(reason: str) -> str:
    """Return a reason in words."""
    found = REASONS.get(reason)
    return found.words if found else ""


@dataclass(frozen=True)
class Progress:
    """The progress of reading and comparing; `total` is 0 while unknown."""

    words: str
    at: int
    total: int


def progress(sync: MassSync) -> Progress | None:
    """Return the progress of the preview, None when it is ready."""
    if sync.state == State.FETCHING:
        read = sync.page - 1
        words = f"Page {read:,} of {sync.pages:,}" if sync.pages else "The first page"
        return Progress(f"Reading your listings on Reverb. {words}.", read, sync.pages)
    if sync.state == State.PLANNING:
        known = max(sync.products, Product.objects.filter(shop=sync.shop_id, gone_at__isnull=True).count())
        return Progress(f"Comparing. {sync.products:,} of {known:,} products.", sync.products, known)
    return None


@dataclass(frozen=True)
class Allowed:
    """How many writes Reverb's limits leave to a mass sync, and how many were made in the last minute."""

    a_minute: int
    in_ten_minutes: int
    last_minute: int | None


def allowed(connection: ReverbConnection) -> Allowed:
    """Return the allowed rate of an account."""
    budget = limits.of_account(connection.budget, "writes")
    a_minute, in_ten = budget.limits(bulk=True)
    try:
        used = limiter.used(budget)
    except RateLimitUnavailable:
        used = None
    return Allowed(int(a_minute), int(in_ten) if 0 < in_ten < a_minute * 10 else 0, used)


def time_words(seconds: float) -> str:
    """Return a duration in words."""
    minutes = round(seconds / 60)
    if seconds < 60:
        return "less than a minute"
    if minutes < 90:
        return f"about {minutes} minute{'' if minutes == 1 else 's'}"
    return f"about {round(minutes / 60)} hours"


def status(sync: MassSync) -> dict[str, object]:
    """Return the whole status for a script. The lines by state are those that make a call."""
    tally = Tally.of(sync)
    return {
        "id": sync.pk,
        "state": sync.state,
        "note": sync.note,
        "kinds": plan.counts(sync),
        "lines": {state: tally.calls(state) for state in Lines.values},
        "seconds_left": round(run.seconds_left(sync), 1),
    }
