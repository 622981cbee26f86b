"""Secrets at rest, logs without secrets, sign-in, and addresses of clients."""

from __future__ import annotations
