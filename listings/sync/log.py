"""How an attempt ended, and its entry in the sync log."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from django.conf import settings
from django.urls import reverse

from listings.models import Product
from listings.queue.jobs import Claim
from reverbsync import clock
from reverbsync.security.redaction import redact
from synclog.models import Entry
from synclog.reasons import REASONS, Fix
from synclog.record import Attempt

#: What an entry says about one field: {"field", "before", "after"}.
Change = dict[str, Any]


@dataclass
class Ending:
    """How an attempt ended. `again_s`: seconds until the job is due again, None if it is not."""

    outcome: Entry.Outcome
    reason: str
    changes: list[Change] = field(default_factory=list)
    message: str = ""
    field_errors: dict[str, list[str]] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)
    again_s: float | None = None


def in_short(ending: Ending) -> str:
    """Return Reverb's own words on an attempt in one line, with anything like a secret redacted."""
    fields = [f"{name}: {', '.join(said)}" for name, said in ending.field_errors.items()]
    return redact("; ".join(filter(None, [ending.message, *fields])))


def attempt_of(product: Product, link: str, taken: Claim, ending: Ending, *, took_ms: int, attempt: int) -> Attempt:
    """Return the data of an attempt's single log entry. `link` is its listing's page."""
    seen = product.seen
    return Attempt(
        shop_id=product.shop_id,
        at=clock.now(),
        outcome=ending.outcome,
        reason=ending.reason,
        store_product_id=product.store_product_id,
        title=product.title,
        sku=product.sku,
        product_link=seen.url,
        listing_link=link,
        fix_link=_fix_link(REASONS[ending.reason].fix, product, link),
        changes=ending.changes,
        message=ending.message,
        field_errors=ending.field_errors,
        warnings=ending.warnings,
        took_ms=took_ms,
        attempt=max(1, attempt),
        trigger=taken.trigger,
    )


def _fix_link(where: Fix, product: Product, listing_link: str) -> str:
    pages = {
        Fix.SETTINGS: "shops:settings",
        Fix.REVERB_CONNECTION: "shops:reverb",
        Fix.STORE_CONNECTION: "shops:store",
    }
    if where in pages:
        return settings.SITE_URL + reverse(pages[where], args=[product.shop_id])
    match where:
        case Fix.PRODUCT:
            return settings.SITE_URL + reverse("listings:product", args=[product.shop_id, product.pk])
        case Fix.STORE:
            return product.seen.url
        case Fix.LISTING:
            return listing_link
        case Fix.REVERB_SELLING:
            return f"{settings.REVERB_WEB_URL}/my/selling/listings"
    return ""
