"""What goes where: products, their listings, the jobs, and the sync engine."""

from __future__ import annotations
