"""The sync of one product: find its listing, decide, apply. `attempt.py` holds the three together."""

from __future__ import annotations
