"""Dispatching work to workers: wake-ups, sweeps, advisory locks, and a fair share for each shop."""

from __future__ import annotations
