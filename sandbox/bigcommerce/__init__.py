"""A stand-in for a BigCommerce store, written from BigCommerce's developer documents, not from our client."""

from __future__ import annotations
