"""A deterministic simulation: both outsides, time and faults in our hands, our real code in between.

One seed is one run. docs/simulation.md describes how it works and what it cannot show.
"""

from __future__ import annotations
