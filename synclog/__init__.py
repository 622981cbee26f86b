"""The sync log: one entry per attempt, and the page that shows them."""

from __future__ import annotations
