"""A stand-in for a WordPress with WooCommerce, written from observations of a real one, not from our client."""

from __future__ import annotations
