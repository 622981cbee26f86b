"""Write entries: one for each attempt."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from reverbsync.database import insert
from reverbsync.logs import redact
from synclog.models import Entry
from synclog.reasons import REASONS


@dataclass(frozen=True)
class Attempt:
    """What an entry tells. `took_ms` in milliseconds; links may be empty."""

    shop_id: int
    at: datetime
    outcome: Entry.Outcome
    reason: str
    store_product_id: str = ""
    title: str = ""
    sku: str = ""
    product_link: str = ""
    listing_link: str = ""
    mend_link: str = ""
    changes: list[dict[str, Any]] = field(default_factory=list)
    message: str = ""
    field_errors: dict[str, list[str]] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)
    took_ms: int = 0
    attempt: int = 1
    cause: str = ""


def record(attempt: Attempt) -> Entry:
    """Keep one entry and return it."""
    entry = made(attempt)
    insert(entry)
    return entry


def made(attempt: Attempt) -> Entry:
    """Return an entry, to be kept with what else follows from the attempt.

    Reverb's words are cut to a length and cleaned of anything like a secret.
    """
    return Entry(
        shop_id=attempt.shop_id,
        at=attempt.at,
        outcome=attempt.outcome,
        reason=attempt.reason,
        words=REASONS[attempt.reason].words,
        mend_link=_web(attempt.mend_link),
        store_product_id=attempt.store_product_id,
        title=attempt.title[:300],
        sku=attempt.sku[:255],
        product_link=_web(attempt.product_link),
        listing_link=_web(attempt.listing_link),
        changes=attempt.changes,
        message=redact(attempt.message)[:2000],
        field_errors=attempt.field_errors,
        warnings=[redact(warning)[:500] for warning in attempt.warnings],
        took_ms=max(0, attempt.took_ms),
        attempt=attempt.attempt,
        cause=attempt.cause[:60],
    )


def _web(link: str) -> str:
    """Return a link that a page may show: others' answers could hold any scheme."""
    return link if link.startswith(("https://", "http://")) and len(link) <= 1000 else ""
