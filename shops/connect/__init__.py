"""Connecting a store or Reverb, and looking after the connection."""

from __future__ import annotations
