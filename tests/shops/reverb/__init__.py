"""Tests of shops.reverb."""

from __future__ import annotations
