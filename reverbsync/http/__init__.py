"""Calls to the outside over HTTP: guarded, rate limited and bounded in time and size."""

from __future__ import annotations
