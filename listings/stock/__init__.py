"""Two-way stock sync: one pure rule, a ledger per listing, and the code that reads and writes both sides."""

from __future__ import annotations
