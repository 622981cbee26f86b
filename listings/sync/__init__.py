"""The sync of one product: find its listing, decide, apply. `attempt.py` combines the three."""

from __future__ import annotations
