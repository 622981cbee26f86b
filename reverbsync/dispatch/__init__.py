"""Which worker does what: wake-ups, sweeps, locks, and a fair share for each shop."""

from __future__ import annotations
