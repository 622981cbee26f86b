"""A deterministic simulation: Reverb, the stores, time and faults are simulated around our real code.

One seed is one run. docs/simulation.md describes how it works and what it cannot show.
"""

from __future__ import annotations
