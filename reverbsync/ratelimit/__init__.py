"""The rate limits of external APIs, shared by all workers through Redis."""

from __future__ import annotations
