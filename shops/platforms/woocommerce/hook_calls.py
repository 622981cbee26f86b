"""Manage our webhooks in a WooCommerce store."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from shops.hooks import Hooks
from shops.models import StoreConnection
from shops.platforms import hooks
from shops.platforms.errors import Missing, Unsupported
from shops.platforms.hooks import Hook
from shops.platforms.woocommerce.rest import WooCommerceCaller, name_of
from shops.platforms.woocommerce.webhooks import TOPICS

PAGE = 100
#: A longer list of webhooks never ends.
MOST_PAGES = 100


class HookCalls(WooCommerceCaller):
    """Registers, reactivates and removes webhooks."""

    def __init__(self, connection: StoreConnection) -> None:
        """Makes no call."""
        super().__init__(connection)
        self._secret_of_hooks = connection.secret
        #: Existing webhooks sign with the previous connection's secret until their first check.
        self._is_new = "there" not in connection.hooks

    def ensure_webhooks(self, address: str) -> Hooks:
        """Register each topic once; reactivate webhooks that were disabled (after seven consecutive failures).

        After a reconnection, existing webhooks get the new secret; otherwise their signatures would be invalid.
        """
        there = [Hook(str(row["id"]), str(row["topic"]), row.get("status") == "active") for row in self._hooks(address)]
        topics = {hook.id: hook.topic for hook in there}
        if self._is_new:
            there = [replace(hook, active=hook.active and self._takes_new_secret(hook, address)) for hook in there]
        return hooks.keep(
            tuple(TOPICS),
            there,
            add=lambda topic: self._add_hook(topic, address),
            wake=lambda number: self._wake_hook(number, topics[number], address),
            remove=self._remove_hook,
        )

    def remove_webhooks(self, address: str) -> None:
        """Delete our webhooks permanently."""
        for hook in self._hooks(address):
            self._remove_hook(str(hook["id"]))

    def _add_hook(self, topic: str, address: str) -> None:
        secret = self._secret_of_hooks.get_secret_value()
        wish = {"name": f"ReverbSync {topic}", "topic": topic, "delivery_url": address, "status": "active"}
        self.record("POST", "/webhooks", {**wish, "secret": secret})

    def _wake_hook(self, number: str, topic: str, address: str) -> None:
        wish = {"status": "active", "secret": self._secret_of_hooks.get_secret_value()}
        try:
            made = self.record("PUT", f"/webhooks/{number}", wish, number=number)
        except Missing:
            self._add_hook(topic, address)
            return
        if made.get("status") != "active":
            raise Unsupported(f"WooCommerce keeps this webhook {made.get('status')}.")

    def _takes_new_secret(self, hook: Hook, address: str) -> bool:
        """Set our new secret on an active webhook; return whether it is active afterwards."""
        try:
            self._wake_hook(hook.id, hook.topic, address)
        except Unsupported:
            return False
        return True

    def _remove_hook(self, number: str) -> None:
        try:
            self.json("DELETE", f"/webhooks/{number}?force=true")
        except Missing:
            return

    def _hooks(self, address: str) -> list[dict[str, Any]]:
        found: dict[str, dict[str, Any]] = {}
        for page in range(1, MOST_PAGES + 1):
            rows, _ = self.list_at(f"/webhooks?per_page={PAGE}&page={page}&orderby=id&order=asc")
            known = len(found)
            found |= {name_of(row): row for row in rows if isinstance(row, dict)}
            if len(rows) < PAGE or len(found) == known:
                break
        ours = (row for row in found.values() if row.get("delivery_url") == address)
        return [row for row in ours if row.get("id") and row.get("topic")]
