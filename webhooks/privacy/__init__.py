"""Privacy law: export a shop's data, delete a shop, and forget a customer."""

from __future__ import annotations
