"""What a store says: events, pages of its catalogue and stock numbers → saved products → jobs."""

from __future__ import annotations
