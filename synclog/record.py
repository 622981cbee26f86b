"""Write entries: one for each attempt."""

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


_FIELDS = (
    "shop_id",
    "at",
    "outcome",
    "reason",
    "words",
    "fix_link",
    "store_product_id",
    "title",
    "sku",
    "product_link",
    "listing_link",
    "changes",
    "message",
    "field_errors",
    "warnings",
    "took_ms",
    "attempt",
    "trigger",
)
_INSERT = f"INSERT INTO synclog_entry ({', '.join(_FIELDS)}) VALUES ({', '.join(['%s'] * len(_FIELDS))})"  # noqa: S608


def record(attempt: Attempt) -> Entry:
    """Keep one entry and return it."""
    sql, values = insertion(attempt)
    with connection.cursor() as cursor:
        cursor.execute(f"{sql} RETURNING id", values)
        return Entry.objects.get(pk=cursor.fetchone()[0])


def insertion(attempt: Attempt) -> tuple[str, list[Any]]:
    """Return the INSERT of an entry and its values, to be made part of a larger statement.

    Reverb's words are cut to a length and cleaned of anything like a secret.
    """
    return _INSERT, [
        attempt.shop_id,
        attempt.at,
        attempt.outcome.value,
        attempt.reason,
        REASONS[attempt.reason].words,
        _web(attempt.fix_link),
        attempt.store_product_id,
        attempt.title[:300],
        attempt.sku[:255],
        _web(attempt.product_link),
        _web(attempt.listing_link),
        json.dumps(attempt.changes),
        redact(attempt.message)[:2000],
        json.dumps(attempt.field_errors),
        json.dumps([redact(warning)[:500] for warning in attempt.warnings]),
        max(0, attempt.took_ms),
        attempt.attempt,
        attempt.trigger[:60],
    ]


def _web(link: str) -> str:
    """Return a link that a page may show: others' answers could hold any scheme."""
    return link if link.startswith(("https://", "http://")) and len(link) <= 1000 else ""
