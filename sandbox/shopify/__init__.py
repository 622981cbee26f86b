"""A stand-in for a Shopify store, written from Shopify's published schema and documents, not from our client."""

from __future__ import annotations
