"""What the law asks for: export what is stored of a shop, erase a shop, and forget a customer."""

from __future__ import annotations
