"""The seller's pages about products and rules."""

from __future__ import annotations
