"""A fast stand-in Reverb that counts calls: listings made up from their number, and rate limits.

The stand-in in `sandbox/` is as strict as the real one; this one is cheap, so that only our code is measured. Listing n
has the SKU `SKU-n`. `python -m bench.reverb PORT`; `/_bench/settings` and `/_bench/calls` are for the benchmarks.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections import defaultdict, deque
from typing import Any
from urllib.parse import parse_qs, urlsplit

Doc = dict[str, Any]
BRAND_NEW = "7c3f45de-2ae0-4c81-8400-fdb6b1d74890"
CATEGORY = "dfd39027-d134-4353-b9e4-57dc6be791b9"
MINUTE, TEN_MINUTES = 60.0, 600.0
#: Path → a minimal list of Reverb's.
LISTS: dict[str, Doc] = {
    "/categories/flat": {"categories": [{"uuid": CATEGORY, "full_name": "Electric Guitars", "listable": True}]},
    "/listing_conditions": {"conditions": [{"uuid": BRAND_NEW, "display_name": "Brand New"}]},
    "/shop": {"shipping_profiles": []},
    "/my/orders/selling/all": {"total": 0, "orders": [], "_links": {}},
}


class Reverb:
    """The stand-in's state and responses."""

    def __init__(self) -> None:
        self.latency_s = 0.0
        #: Kind → calls a minute and in ten minutes; empty: no limits.
        self.limits: dict[str, list[int]] = {}
        self.changed: dict[str, Doc] = {}
        #: (time, account, method, path, status)
        self.calls: list[tuple[float, str, str, str, int]] = []
        self._windows: defaultdict[tuple[str, str], deque[float]] = defaultdict(deque)

    def answer(self, method: str, target: str, token: str, body: bytes) -> tuple[int, Any, dict[str, str]]:
        """Return status, JSON and headers."""
        at, path = time.time(), urlsplit(target).path
        if path.startswith("/_bench/"):
            return self._control(method, path, body)
        wait = self._over(token, "reads" if method == "GET" else "writes", at)
        status, found = (429, {"message": "Too many requests"}) if wait else self._call(method, target, body)
        self.calls.append((at, token, method, path, status))
        return status, found, {"Retry-After": str(int(wait) + 1)} if wait else {}

    def _control(self, method: str, path: str, body: bytes) -> tuple[int, Any, dict[str, str]]:
        if path == "/_bench/settings":
            wish = json.loads(body)
            self.latency_s = wish.get("latency_s", self.latency_s)
            self.limits = wish.get("limits", self.limits)
        if method == "DELETE":
            self.calls.clear()
        return 200, self.calls if path == "/_bench/calls" else {}, {}

    def _over(self, token: str, kind: str, at: float) -> float:
        """Count a call; return the seconds to wait if it exceeds a limit."""
        calls = self._windows[token, kind]
        while calls and calls[0] <= at - TEN_MINUTES:
            calls.popleft()
        for window, limit in zip((MINUTE, TEN_MINUTES), self.limits.get(kind, ()), strict=False):
            if len(calls) >= limit and calls[-limit] > at - window:
                return calls[-limit] + window - at
        calls.append(at)
        return 0.0

    def _call(self, method: str, target: str, body: bytes) -> tuple[int, Any]:
        parts = urlsplit(target)
        path = parts.path.removeprefix("/api")
        if path.startswith("/listings/"):
            key = path.split("/")[2].partition("-")[0]
            if method == "PUT":
                self.changed.setdefault(key, {}).update(_read(json.loads(body)))
                return 200, {"message": "Updated", "listing": self._listing(key), "warnings": {}}
            return 200, self._listing(key)
        if path == "/my/listings":
            [sku] = parse_qs(parts.query).get("sku", [""])
            rows = [self._listing(sku.removeprefix("SKU-"))] if sku else []
            return 200, {"total": len(rows), "listings": rows, "_links": {}}
        return 200, LISTS.get(path, {})

    def _listing(self, key: str) -> Doc:
        return {
            "id": int(key),
            "sku": f"SKU-{key}",
            "title": f"Guitar {key}",
            "description": "<p>Nice</p>",
            "make": "Fender",
            "model": f"Guitar {key}",
            "finish": "",
            "year": "",
            "condition": {"uuid": BRAND_NEW, "display_name": "Brand New"},
            "categories": [],
            "price": {"amount": "100.00", "currency": "USD"},
            "inventory": 3,
            "has_inventory": True,
            "offers_enabled": True,
            "state": {"slug": "live"},
            "photos": [],
            **self.changed.get(key, {}),
            "_links": {
                "self": {"href": f"http://reverb.test/api/listings/{key}-guitar"},
                "web": {"href": f"http://reverb.test/item/{key}-guitar"},
            },
        }


def _read(body: Doc) -> Doc:
    """Return what a PUT changes, in the form in which it is shown."""
    shown = {name: value for name, value in body.items() if name in ("title", "price", "inventory")}
    if shown.get("inventory") == 0:
        shown["state"] = {"slug": "sold"}
    return shown


class Line(asyncio.Protocol):
    """One keep-alive connection."""

    def __init__(self, reverb: Reverb) -> None:
        self._reverb = reverb
        self._read = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Store the transport."""
        self._transport: Any = transport

    def data_received(self, data: bytes) -> None:
        """Answer each complete request."""
        self._read += data
        while b"\r\n\r\n" in self._read:
            head, rest = self._read.split(b"\r\n\r\n", 1)
            first, *lines = head.decode("latin-1").split("\r\n")
            headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
            length = int(headers.get("content-length", 0))
            if len(rest) < length:
                return
            body, self._read = rest[:length], rest[length:]
            method, target, _ = first.split(" ")
            answer = self._reverb.answer(method, target, headers.get("authorization", "")[7:], body)
            asyncio.get_running_loop().call_later(self._reverb.latency_s, self._send, *answer)

    def _send(self, status: int, found: Any, headers: dict[str, str]) -> None:
        body = json.dumps(found).encode()
        more = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        head = f"HTTP/1.1 {status} X\r\nContent-Type: application/hal+json\r\nContent-Length: {len(body)}\r\n{more}\r\n"
        self._transport.write(head.encode() + body)


async def serve(port: int, reverb: Reverb) -> None:
    """Serve until the process ends."""
    server = await asyncio.get_running_loop().create_server(lambda: Line(reverb), "127.0.0.1", port)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(serve(int(sys.argv[1]), Reverb()))
