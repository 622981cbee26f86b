"""Describe what a call changed, for the entry in the sync log."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from listings.sync import payload
from listings.sync.decision import Case
from shops.models import FIELDS


def changes_of(case: Case, sent: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the changes for the log entry: each field with its value before, if Reverb said, and after."""
    changes = []
    for name, value in sent.items():
        if name == "publish" or (name == "sku" and case.listing is None):
            continue
        before = None
        if case.listing is not None:
            before = case.listing.inventory if name == "stock" else payload.shown(case.listing, name, value)
        label = FIELDS.get(name, name.upper())
        changes.append({"field": label, "before": _text(before, case.names), "after": _text(value, case.names)})
    return changes


def _text(value: Any, names: Mapping[str, str]) -> str:
    if value is None:
        return ""
    if isinstance(value, list):
        return f"{len(value)} photo{'s' if len(value) != 1 else ''}"
    text = names.get(str(value), str(value))
    return text if len(text) <= 120 else text[:117] + "…"
