"""ShipStation: it fetches the sales on Reverb, and reports what it shipped."""

from __future__ import annotations
