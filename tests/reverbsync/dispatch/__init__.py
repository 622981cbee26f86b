"""Tests of reverbsync.dispatch."""

from __future__ import annotations
