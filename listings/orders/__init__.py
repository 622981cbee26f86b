"""Orders on Reverb: read, counted by the stock, made in the store, and sent their parcels."""

from __future__ import annotations
