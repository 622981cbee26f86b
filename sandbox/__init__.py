"""The world outside: stand-ins for Reverb and the stores."""

from __future__ import annotations
