"""Stock both ways: one rule decides, a ledger remembers, a turn reads and writes both sides."""

from __future__ import annotations
