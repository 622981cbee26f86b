"""A stand-in for a Shopify store, written from Shopify's published schema and documentation, not from our client."""

from __future__ import annotations
