"""The seller's page about webhooks that could not be processed."""

from __future__ import annotations
