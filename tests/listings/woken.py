"""What the tests of listings collect instead of waking workers."""

from __future__ import annotations


class Woken:
    """Collects wake-ups."""

    def __init__(self) -> None:
        self.found: list[tuple[str, int]] = []

    def send(self, task: str, shop_id: int) -> None:
        """Keep a wake-up."""
        self.found.append((task, shop_id))

    def taken(self, task: str, shop_id: int) -> None:
        """Nothing waits here."""
