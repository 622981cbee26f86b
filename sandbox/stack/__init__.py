"""The embedded stack: PostgreSQL, Redis, web, workers and scheduler on one machine, started and stopped together."""

from __future__ import annotations
