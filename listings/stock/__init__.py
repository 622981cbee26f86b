"""Stock both ways: one rule decides, a ledger remembers, an attempt reads and writes both sides."""

from __future__ import annotations
