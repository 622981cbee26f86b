"""Tests of listings.intake."""

from __future__ import annotations
