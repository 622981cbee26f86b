"""Tests: journeys."""

from __future__ import annotations
