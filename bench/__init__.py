"""Benchmarks: `make bench`, each with its baseline measured in the same run (docs/performance.md has the figures)."""

from __future__ import annotations
