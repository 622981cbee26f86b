"""A stand-in for a seller's own system, written from docs/custom-store.md as a programmer of theirs would."""

from __future__ import annotations
