"""Tests of the embedded stack."""

from __future__ import annotations
