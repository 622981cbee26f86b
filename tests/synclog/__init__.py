"""Tests of synclog."""

from __future__ import annotations
