"""Like bench/reverb.py, with buyers; beside it a custom store that accepts adjustments of its stock.

`python -m bench.sales PORT`. `/_bench/buy` creates a paid order of a listing, `/_store/` is the store's address.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

from bench.reverb import Doc, Reverb, serve


class Sales(Reverb):
    """Orders of any number of accounts, and the store that receives adjustments."""

    def __init__(self) -> None:
        super().__init__()
        self._orders: dict[str, tuple[str, Doc]] = {}
        self._token = ""

    def answer(self, method: str, target: str, token: str, body: bytes) -> tuple[int, Any, dict[str, str]]:
        """Return status, JSON and headers."""
        self._token = token
        if urlsplit(target).path == "/_store/":
            return self._adjust(json.loads(body))
        return super().answer(method, target, token, body)

    def _control(self, method: str, path: str, body: bytes) -> tuple[int, Any, dict[str, str]]:
        if path != "/_bench/buy":
            return super()._control(method, path, body)
        wish = json.loads(body)
        key, number = wish["listing"], str(90_000_000 + len(self._orders))
        now = datetime.now(UTC).isoformat(timespec="seconds")
        order = {"order_number": number, "product_id": key, "sku": f"SKU-{key}", "quantity": 1, "status": "paid"}
        self._orders[number] = wish["token"], {**order, "created_at": now, "updated_at": now, "paid_at": now}
        self.changed.setdefault(key, {}).update({"inventory": 0, "state": {"slug": "sold"}})
        return 200, self._orders[number][1], {}

    def _call(self, method: str, target: str, body: bytes) -> tuple[int, Any]:
        path = urlsplit(target).path.removeprefix("/api/my/orders/selling/")
        if path == "all":
            rows = [order for token, order in self._orders.values() if token == self._token]
            return 200, {"total": len(rows), "orders": rows[-50:][::-1], "_links": {}}
        if path in self._orders:
            return 200, self._orders[path][1]
        return super()._call(method, target, body)

    def _adjust(self, message: Doc) -> tuple[int, Any, dict[str, str]]:
        data = message["data"]
        self.calls.append((time.time(), "store", message["type"], data["product_id"], 200))
        return 200, {"stock": data["from"] + data["by"]}, {}


if __name__ == "__main__":
    asyncio.run(serve(int(sys.argv[1]), Sales()))
