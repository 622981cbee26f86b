"""Tests of listings.mapping."""

from __future__ import annotations
