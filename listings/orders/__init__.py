"""Orders on Reverb: read, counted by the stock, made in the store, and told about parcels."""

from __future__ import annotations
