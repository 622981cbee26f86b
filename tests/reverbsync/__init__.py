"""Tests of reverbsync."""

from __future__ import annotations
