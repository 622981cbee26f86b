"""Compute the fields of a listing, each with its origin, from a shop's rules and the store's product."""

from __future__ import annotations
