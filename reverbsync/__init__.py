"""The project package: settings, outbound HTTP, the rate limiter, secrets and the clock."""

from __future__ import annotations
