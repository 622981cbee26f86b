"""Tests of listings.mass_sync."""

from __future__ import annotations
