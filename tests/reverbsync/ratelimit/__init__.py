"""Tests of reverbsync.ratelimit."""

from __future__ import annotations
