"""The rate limits of the outside, shared by all workers through Redis."""

from __future__ import annotations
