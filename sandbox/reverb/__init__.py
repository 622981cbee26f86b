"""A stand-in for Reverb, written from its documentation and observed behavior, not from our client."""

from __future__ import annotations
