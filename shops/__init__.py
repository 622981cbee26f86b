"""Who the sellers are, and how their two accounts are reached."""

from __future__ import annotations
