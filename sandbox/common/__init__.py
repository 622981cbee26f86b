"""What every stand-in shares: its own time, kept state, faults on demand, a log of requests."""

from __future__ import annotations
