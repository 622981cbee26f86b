"""Tests of reverbsync.http."""

from __future__ import annotations
