"""A stand-in for a seller's own system, written from docs/custom-store.md as the seller's programmer would."""

from __future__ import annotations
