"""What a listing says: a shop's rules and the store's product → the fields of a listing, each with its origin."""

from __future__ import annotations
