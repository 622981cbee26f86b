"""A tiny Reverb that knows orders alone: it reads them, ships them, and is as strict about it as the documents."""

from __future__ import annotations

import json
import threading
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from sandbox.stack import ports

PROVIDERS = ("UPS", "USPS", "FedEx", "DHL", "DHLExpress", "Royal Mail", "Other")
CAN_SHIP = ("paid", "shipped")


class TinyReverb:
    """Orders by number, calls so far, and what is to go wrong next."""

    def __init__(self) -> None:
        self.orders: dict[str, dict[str, Any]] = {}
        self.calls: list[tuple[str, str, Any]] = []
        #: What befalls the next writes: "lost" (applied, no answer), or a status and a body.
        self.faults: list[Any] = []
        self._server = ThreadingHTTPServer((ports.LOOPBACK, 0), self._handler())
        self._server.daemon_threads = True
        self.url = f"http://{ports.LOOPBACK}:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def reset(self) -> None:
        """Forget everything."""
        self.orders.clear()
        self.calls.clear()
        self.faults.clear()

    def close(self) -> None:
        """Stop."""
        self._server.shutdown()
        self._server.server_close()

    def writes(self, word: str = "") -> list[Any]:
        """Return the bodies of the writes so far whose path ends with a word."""
        return [body for method, path, body in self.calls if method == "POST" and path.endswith(word)]

    # -- what it answers -------------------------------------------------------------------------------------

    def answer(self, method: str, path: str, body: Any) -> tuple[int, Any]:
        """Return status and body."""
        if path == "/shipping/providers":
            return 200, {"shipping_providers": [{"name": name} for name in PROVIDERS]}
        number, _, word = path.removeprefix("/my/orders/selling/").partition("/")
        order = self.orders.get(number)
        if order is None:
            return 404, {"message": "The order could not be found"}
        if method == "GET" and not word:
            return 200, order
        if method == "POST" and word == "ship":
            return self._ship(order, body)
        if method == "POST" and word == "mark_picked_up":
            if not order.get("local_pickup") or order["status"] != "paid":
                return 422, {"message": "This order cannot be picked up"}
            order["status"] = "picked_up"
            return 200, {}
        return 404, {"message": "Not found"}

    def _ship(self, order: dict[str, Any], body: Any) -> tuple[int, Any]:
        errors = {name: ["is missing"] for name in ("provider", "tracking_number") if not body.get(name)}
        if not isinstance(body.get("send_notification"), bool):
            errors["send_notification"] = ["is missing"]
        if body.get("provider") not in PROVIDERS:
            errors["provider"] = ["is not included in the list"]
        if errors:
            return 422, {"message": "Please check the fields", "errors": errors}
        if order["status"] not in CAN_SHIP:
            return 422, {"message": f"An order that is {order['status']} cannot be shipped"}
        order.update(status="shipped", shipping_provider=body["provider"], shipping_code=body["tracking_number"])
        return 201, {"message": "Shipped"}

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        reverb = self

        class Handler(BaseHTTPRequestHandler):
            def _take(self) -> None:
                raw = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                body = json.loads(raw) if raw else None
                path = self.path.removeprefix("/api")
                reverb.calls.append((self.command, path, body))
                fault = reverb.faults.pop(0) if reverb.faults and self.command == "POST" else None
                if self.headers.get("Accept-Version") != "3.0" or not self.headers.get("Authorization"):
                    status, said = 400, {"message": "Accept-Version 3.0 and a token are needed"}
                elif isinstance(fault, tuple):
                    status, said = fault
                else:
                    status, said = reverb.answer(self.command, path.partition("?")[0], body)
                if fault == "lost":
                    with suppress(OSError):
                        self.connection.shutdown(2)
                    return
                self.send_response(status)
                self.send_header("Content-Type", "application/hal+json")
                self.end_headers()
                self.wfile.write(json.dumps(said).encode())

            do_GET = do_POST = _take  # noqa: N815 -- the names of http.server

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        return Handler
