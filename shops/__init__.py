"""Sellers, their shops, and the connections to their stores and Reverb accounts."""

from __future__ import annotations
