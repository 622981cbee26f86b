"""Tests of shops.platforms."""

from __future__ import annotations
