"""Tests of listings.orders."""

from __future__ import annotations
