"""Follow up on a listing that Reverb is publishing: a 2xx does not mean "published" (seen live in 2026)."""

from __future__ import annotations

from listings.models import Listing
from listings.queue import lease
from listings.sync.decision import Case, Decision
from listings.sync.log import Ending
from shops.snapshots import ReverbListing
from synclog.models import Entry

#: Seconds between the checks whether it is live.
LOOKS_S = (2, 4, 8, 16, 30)


def awaited(decision: Decision, listing: ReverbListing) -> bool:
    """Return whether the call was to make a listing live, and it is not live yet."""
    return listing.state != "live" and (decision.publishes or decision.reason == "relisted")


def begin(row: Listing, ending: Ending) -> Ending:
    """Start the follow-up: the attempt ends, and the job is due again soon."""
    _count(row, 0)
    ending.again_s = LOOKS_S[0]
    return ending


def leave(row: Listing, ending: Ending) -> Ending:
    """Note that it is being published; the mass sync checks all of them together."""
    _count(row, 0)
    return ending


def follow_up(row: Listing, case: Case, ending: Ending) -> Ending:
    """Return how an attempt ends, given that Reverb may still be publishing the listing."""
    if case.listing is None:
        return ending
    if row.publish_looks is None:
        return _kept_as_draft(row, case, ending)
    if case.listing.state == "live":
        _count(row, None)
        return ending if ending.changes else Ending(Entry.Outcome.SYNCED, "published")
    if ending.reason not in ("in_sync", "ended_on_reverb", "updated"):
        _count(row, None)
        return ending
    looks = row.publish_looks + 1
    return _not_live_yet(row, case.listing, looks, ending) if case.units else _sold_meanwhile(row, looks, ending)


def _not_live_yet(row: Listing, listing: ReverbListing, looks: int, ending: Ending) -> Ending:
    hopeless = bool(row.warnings) and listing.state == "draft"
    if hopeless or looks >= len(LOOKS_S):
        _count(row, None)
        return _not_published(row, Entry.Outcome.FAILED, ending)
    _count(row, looks)
    still = ending if ending.changes else Ending(Entry.Outcome.NOTHING, "still_publishing")
    still.again_s = LOOKS_S[looks]
    return still


def _sold_meanwhile(row: Listing, looks: int, ending: Ending) -> Ending:
    """Keep checking a listing without units that Reverb is publishing: it may still go live, and is then ended."""
    over = looks >= len(LOOKS_S)
    _count(row, None if over else looks)
    ending.again_s = None if over else LOOKS_S[looks]
    return ending


def _kept_as_draft(row: Listing, case: Case, ending: Ending) -> Ending:
    """Report a draft that Reverb was asked to publish but left as it is: nothing differs, yet it is not on sale."""
    requested = case.switches.publish and "publish" in row.agreed and bool(case.units)
    draft = case.listing is not None and case.listing.state == "draft"
    if not requested or not draft or ending.reason != "in_sync":
        return ending
    return _not_published(row, Entry.Outcome.SKIPPED, ending)


def _not_published(row: Listing, outcome: Entry.Outcome, ending: Ending) -> Ending:
    reason = "kept_as_draft" if row.warnings else "not_published"
    return Ending(outcome, reason, ending.changes, warnings=list(row.warnings))


def _count(row: Listing, looks: int | None) -> None:
    row.publish_looks = looks
    lease.save(row, "publish_looks")
