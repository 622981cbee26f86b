"""Benchmarks for `make bench`, each with a baseline measured in the same run (figures in docs/performance.md)."""

from __future__ import annotations
