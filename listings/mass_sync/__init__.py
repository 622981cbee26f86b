"""Mass sync: read all listings of a shop page by page, compare, and write only what differs."""

from __future__ import annotations
