"""What happened: one entry an attempt, and the page that shows them."""

from __future__ import annotations
