"""A stand-in for a WordPress with WooCommerce, written from what was seen on a real one, not from our client."""

from __future__ import annotations
