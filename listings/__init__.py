"""Products, their Reverb listings, the job queue and the sync engine."""

from __future__ import annotations
