"""Tests of listings.sync."""

from __future__ import annotations
