"""Reverb's API: one client, one family of errors, and the check of a seller's token."""

from __future__ import annotations
