"""Webhook deliveries: received, verified, saved, and handed over."""

from __future__ import annotations
