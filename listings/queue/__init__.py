"""The queue: one open job a product, claimed by a worker with a lease."""

from __future__ import annotations
