"""The contract that every platform fulfils, against its stand-in."""

from __future__ import annotations
