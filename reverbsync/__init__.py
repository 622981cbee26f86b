"""The project package: settings, the one way out over HTTP, the rate limiter, secrets, the clock."""

from __future__ import annotations
