"""The frame: settings, the one way out over HTTP, the pace, secrets, the clock."""

from __future__ import annotations
