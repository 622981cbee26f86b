"""Orders on Reverb: read them, count them in stock, create them in the store, and report their tracking."""

from __future__ import annotations
