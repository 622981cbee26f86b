"""Stand-ins for the external systems: Reverb and the stores."""

from __future__ import annotations
