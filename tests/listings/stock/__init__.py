"""Tests of listings.stock."""

from __future__ import annotations
