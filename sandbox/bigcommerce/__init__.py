"""A stand-in for a BigCommerce store, written from BigCommerce's developer documentation, not from our client."""

from __future__ import annotations
