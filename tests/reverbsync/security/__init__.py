"""Tests of reverbsync.security."""

from __future__ import annotations
