"""Write entries of the sync log: one for each attempt."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.db import connection

from reverbsync.security.redaction import redact
from synclog.models import Entry
from synclog.reasons import REASONS


@dataclass(frozen=True)
class Attempt:
    """What an entry holds. `took_ms` in milliseconds; links may be empty."""

    shop_id: int
    at: datetime
    outcome: Entry.Outcome
    reason: str
    store_product_id: str = ""
    title: str = ""
    sku: str = ""
    product_link: str = ""
    listing_link: str = ""
    fix_link: str = ""
    changes: list[dict[str, Any]] = field(default_factory=list)
    message: str = ""
    field_errors: dict[str, list[str]] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)
    took_ms: int = 0
    attempt: int = 1
    trigger: str = ""


#: Inserts an entry alone. `END_ATTEMPT` (listings/queue/sql.py) inserts one while it settles the job.
INSERT_ENTRY = """
INSERT INTO synclog_entry (
    shop_id, at, outcome, reason, words, fix_link, store_product_id, title, sku, product_link, listing_link, changes,
    message, field_errors, warnings, took_ms, attempt, trigger
) VALUES (
    %(shop_id)s, %(at)s, %(outcome)s, %(reason)s, %(words)s, %(fix_link)s, %(store_product_id)s, %(title)s, %(sku)s,
    %(product_link)s, %(listing_link)s, %(changes)s, %(message)s, %(field_errors)s, %(warnings)s, %(took_ms)s,
    %(attempt)s, %(trigger)s
)
RETURNING id
"""


def record(attempt: Attempt) -> Entry:
    """Insert one entry and return it."""
    with connection.cursor() as cursor:
        cursor.execute(INSERT_ENTRY, values_of(attempt))
        return Entry.objects.get(pk=cursor.fetchone()[0])


def values_of(attempt: Attempt) -> dict[str, Any]:
    """Return the columns of an entry. Reverb's messages are cut to a length and redacted."""
    return {
        "shop_id": attempt.shop_id,
        "at": attempt.at,
        "outcome": attempt.outcome.value,
        "reason": attempt.reason,
        "words": REASONS[attempt.reason].words,
        "fix_link": _web(attempt.fix_link),
        "store_product_id": attempt.store_product_id,
        "title": attempt.title[:300],
        "sku": attempt.sku[:255],
        "product_link": _web(attempt.product_link),
        "listing_link": _web(attempt.listing_link),
        "changes": json.dumps(attempt.changes),
        "message": redact(attempt.message)[:2000],
        "field_errors": json.dumps(attempt.field_errors),
        "warnings": json.dumps([redact(warning)[:500] for warning in attempt.warnings]),
        "took_ms": max(0, attempt.took_ms),
        "attempt": attempt.attempt,
        "trigger": attempt.trigger[:60],
    }


def _web(link: str) -> str:
    """Return a link that a page may show: others' answers could hold any scheme."""
    return link if link.startswith(("https://", "http://")) and len(link) <= 1000 else ""
