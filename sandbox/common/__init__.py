"""Shared by all stand-ins: a movable clock, stored state, faults on demand, and a log of requests."""

from __future__ import annotations
