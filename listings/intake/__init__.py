"""Turn a store's events, catalogue pages and stock numbers into saved products and jobs."""

from __future__ import annotations
