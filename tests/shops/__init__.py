"""Tests of shops."""

from __future__ import annotations
