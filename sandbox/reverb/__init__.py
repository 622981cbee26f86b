"""A stand-in for Reverb, written from its documents and from what was seen live, not from our client."""

from __future__ import annotations
