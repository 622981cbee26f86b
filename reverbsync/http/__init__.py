"""Outbound HTTP calls: guarded, rate limited, and bounded in time and size."""

from __future__ import annotations
