"""Tests of listings.upkeep."""

from __future__ import annotations
