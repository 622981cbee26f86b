"""The pages in a real browser: headless Chromium, with real clicks."""

from __future__ import annotations
