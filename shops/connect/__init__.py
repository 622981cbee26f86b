"""Connect a store or Reverb, and check the connection regularly."""

from __future__ import annotations
