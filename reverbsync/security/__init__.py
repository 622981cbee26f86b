"""Secrets at rest, logs without secrets, sign-in, and client addresses."""

from __future__ import annotations
