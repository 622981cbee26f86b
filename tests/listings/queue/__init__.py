"""Tests of listings.queue."""

from __future__ import annotations
