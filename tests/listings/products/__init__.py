"""Tests of listings.products."""

from __future__ import annotations
