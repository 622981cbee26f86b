"""The embedded stack: PostgreSQL, Redis, web, workers and scheduler on one machine, up and down with one word."""

from __future__ import annotations
