"""Tests of sandbox.stack."""

from __future__ import annotations
