"""What came in: deliveries, received, checked, kept, and handed on."""

from __future__ import annotations
