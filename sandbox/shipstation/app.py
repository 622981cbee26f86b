"""A small ShipStation: labels are created at the control address, and reported as the real one does.

Facts: V1 docs (Basic authentication, 40 calls a minute with X-Rate-Limit headers, `resource_url`), the custom store's
development guide (requests and their parameters, `pages`, required elements).
"""

from __future__ import annotations

import base64
import hmac
import os
import time
import xml.etree.ElementTree as ET
from collections import deque
from typing import Any
from urllib.parse import urlencode
from xml.sax.saxutils import escape

import requests
from flask import Flask, jsonify, request

from sandbox.common.faults import Faults, Log, control
from sandbox.common.keep import Doc

EVENTS = (
    "ORDER_NOTIFY",
    "ITEM_ORDER_NOTIFY",
    "SHIP_NOTIFY",
    "ITEM_SHIP_NOTIFY",
    "FULFILLMENT_SHIPPED",
    "FULFILLMENT_REJECTED",
)
NEEDED = ("OrderID", "OrderNumber", "OrderDate", "OrderStatus", "LastModified", "OrderTotal", "Customer", "Items")
SHIP_TO = ("Name", "Address1", "City", "State", "PostalCode", "Country")
STATUSES = ("unpaid", "paid", "shipped", "cancelled", "on_hold")


class Account:
    """The data of one seller."""

    def __init__(self) -> None:
        self.key = self.secret = ""
        self.hooks: list[Doc] = []
        self.shipments: list[Doc] = []
        self.orders: dict[str, Doc] = {}
        self.store: Doc = {}
        self.limit = 40
        self.calls: deque[float] = deque()
        self.batches = 0

    def over_limit(self) -> float | None:
        """Count a call; return the seconds to wait if it exceeds the limit."""
        now = time.monotonic()
        while self.calls and self.calls[0] <= now - 60:
            self.calls.popleft()
        if len(self.calls) >= self.limit:
            return self.calls[0] + 60 - now
        self.calls.append(now)
        return None


def build(url: str) -> Flask:
    """Return the application; `url` is its own address. It stores nothing on disk."""
    app = Flask(__name__)
    state = {"account": Account()}
    faults, log = Faults(), Log()
    control(app, faults, log)
    _control(app, state, faults, log, url)
    _api(app, state, faults, log)
    return app


# -- the API -------------------------------------------------------------------------------------------------------


def _api(app: Flask, state: dict[str, Account], faults: Faults, log: Log) -> None:
    def own() -> Account:
        return state["account"]

    @app.before_request
    def enter() -> Any:
        if request.path.startswith("/_control"):
            return None
        return faults.before(request) or _admit(own())

    @app.after_request
    def leave(response: Any) -> Any:
        if request.path.startswith("/_control"):
            return response
        account = own()
        response.headers["X-Rate-Limit-Limit"] = str(account.limit)
        response.headers["X-Rate-Limit-Remaining"] = str(max(0, account.limit - len(account.calls)))
        if "X-Rate-Limit-Reset" not in response.headers:
            response.headers["X-Rate-Limit-Reset"] = "60"
        log.add(response, account=account.key)
        return faults.after(response)

    @app.get("/webhooks")
    def webhooks() -> Any:
        return {"webhooks": own().hooks}

    @app.post("/webhooks/subscribe")
    def subscribe() -> Any:
        wish = request.get_json(silent=True) or {}
        if wish.get("event") not in EVENTS or not str(wish.get("target_url", "")).startswith("http"):
            return jsonify({"Message": "The request is invalid."}), 400
        number = 400 + len(own().hooks)
        hook = {
            "IsLabelAPIHook": False,
            "WebHookID": number,
            "StoreID": wish.get("store_id"),
            "HookType": wish["event"],
            "MessageFormat": "Json",
            "Url": wish["target_url"],
            "Name": wish.get("friendly_name"),
            "Active": True,
        }
        own().hooks.append(hook)
        return {"id": number}

    @app.delete("/webhooks/<int:number>")
    def unsubscribe(number: int) -> Any:
        left = [hook for hook in own().hooks if hook["WebHookID"] != number]
        found, own().hooks = len(left) < len(own().hooks), left
        return ("", 200) if found else (jsonify({"Message": "Not found"}), 404)

    @app.get("/shipments")
    def shipments() -> Any:
        rows = [row for row in own().shipments if _matches(row)]
        size = min(500, request.args.get("pageSize", 100, type=int))
        number = request.args.get("page", 1, type=int)
        items = request.args.get("includeShipmentItems", "false").lower() == "true"
        shown = [row if items else {**row, "shipmentItems": None} for row in rows[(number - 1) * size : number * size]]
        return {"shipments": shown, "total": len(rows), "page": number, "pages": -(-len(rows) // size)}


def _admit(account: Account) -> Any:
    given = request.headers.get("Authorization", "").removeprefix("Basic ")
    wanted = base64.b64encode(f"{account.key}:{account.secret}".encode()).decode()
    if not account.key or not hmac.compare_digest(given.encode(), wanted.encode()):
        return "401 Unauthorized", 401
    wait = account.over_limit()
    if wait is None:
        return None
    refused = jsonify({"Message": "Too Many Requests"})
    refused.headers["X-Rate-Limit-Reset"] = str(int(wait) + 1)
    return refused, 429


def _matches(row: Doc) -> bool:
    names = {"batchId": "batchNumber", "storeId": "storeId", "orderNumber": "orderNumber"}
    return all(str(row.get(own)) == request.args[name] for name, own in names.items() if name in request.args)


# -- the user of ShipStation ----------------------------------------------------------------------------------------


def _control(app: Flask, state: dict[str, Account], faults: Faults, log: Log, url: str) -> None:
    @app.get("/_control/settings")
    def settings() -> Any:
        return {}

    @app.post("/_control/reset")
    def reset() -> Any:
        account = state["account"] = Account()
        wish = request.get_json()
        account.key, account.secret, account.limit = wish["key"], wish["secret"], wish.get("limit", 40)
        faults.clear()
        log.clear()
        return {}

    @app.post("/_control/labels")
    def labels() -> Any:
        """Create labels, all in one batch, and call the webhooks once."""
        account = state["account"]
        account.batches += 1
        rows = [_shipment(account, one) for one in request.get_json()]
        account.shipments += rows
        query = urlencode({"batchId": account.batches, "includeShipmentItems": "False"})
        body = {"resource_url": f"{url}/shipments?{query}", "resource_type": "SHIP_NOTIFY"}
        return {
            "statuses": [_call_hook(hook, body) for hook in account.hooks if hook["HookType"] == "SHIP_NOTIFY"],
            "body": body,
        }

    @app.post("/_control/store")
    def store() -> Any:
        """Connect a custom store: address, user, password."""
        state["account"].store = request.get_json()
        return {}

    @app.post("/_control/import")
    def fetch() -> Any:
        """Fetch the orders of a date range, page by page."""
        return _fetch(state["account"], request.get_json())

    @app.post("/_control/ship")
    def ship() -> Any:
        """Report a parcel to the custom store."""
        return _notify(state["account"], request.get_json())


def _shipment(account: Account, wish: Doc) -> Doc:
    return {
        "shipmentId": 33_974_000 + len(account.shipments),
        "orderKey": None,
        "isReturnLabel": False,
        "voided": False,
        "voidDate": None,
        "batchNumber": str(account.batches),
        "carrierCode": "ups_walleted",
        "serviceCode": "ups_ground",
        "shipmentItems": [{"sku": wish.get("sku"), "quantity": 1}] if wish.get("sku") else None,
        **{name: value for name, value in wish.items() if name != "sku"},
    }


def _call_hook(hook: Doc, body: Doc) -> int:
    try:
        return requests.post(hook["Url"], json=body, timeout=10).status_code
    except requests.RequestException:
        return 0


def _fetch(account: Account, wish: Doc) -> Doc:
    seen: list[str] = []
    number, pages = 1, 1
    while number <= pages:
        query = {"action": "export", "start_date": wish["start"], "end_date": wish["end"], "page": number}
        answer = requests.get(account.store["url"], params=query, auth=_auth(account), timeout=10)
        if answer.status_code != 200:
            return {"status": answer.status_code, "words": answer.text}
        root = ET.fromstring(answer.content)
        pages = int(root.attrib["pages"])
        for order in root.findall("Order"):
            refused = _refused(order)
            if refused:
                return {"status": 200, "refused": refused}
            account.orders[order.findtext("OrderNumber", "")] = _read(order)
            seen.append(order.findtext("OrderNumber", ""))
        number += 1
    return {"status": 200, "orders": seen, "pages": pages, "kept": account.orders}


def _refused(order: ET.Element) -> str:
    """Return the error for an order, as the real one would show it to the seller."""
    missing = [name for name in NEEDED if order.find(name) is None]
    missing += [f"ShipTo/{name}" for name in SHIP_TO if not order.findtext(f"Customer/ShipTo/{name}")]
    if missing:
        return f"missing: {', '.join(missing)}"
    if order.findtext("OrderStatus") not in STATUSES:
        return f"unknown status {order.findtext('OrderStatus')}"
    for name in ("OrderDate", "LastModified"):
        try:
            time.strptime(order.findtext(name, ""), "%m/%d/%Y %H:%M")
        except ValueError:
            return f"{name} is no date"
    return ""


def _read(order: ET.Element) -> Doc:
    return {
        "status": order.findtext("OrderStatus"),
        "total": order.findtext("OrderTotal"),
        "name": order.findtext("Customer/ShipTo/Name"),
        "city": order.findtext("Customer/ShipTo/City"),
        "skus": [item.findtext("SKU") for item in order.findall("Items/Item")],
        "note": order.findtext("InternalNotes"),
    }


def _notify(account: Account, wish: Doc) -> Doc:
    fields = {name: wish.get(name, "") for name in ("order_number", "carrier", "service", "tracking_number")}
    body = (
        '<?xml version="1.0" encoding="utf-8"?>\n<ShipNotice>'
        f"<OrderNumber>{escape(fields['order_number'])}</OrderNumber><Carrier>{escape(fields['carrier'])}</Carrier>"
        f"<Service>{escape(fields['service'])}</Service><TrackingNumber>{escape(fields['tracking_number'])}</TrackingNumber>"
        f"<NotifyCustomer>{wish.get('notify', 'true')}</NotifyCustomer>"
        "<Recipient><Name>Bob</Name></Recipient><Items><Item><SKU>A1</SKU><Quantity>1</Quantity></Item></Items>"
        "</ShipNotice>"
    )
    answer = requests.post(
        account.store["url"],
        params={"action": "shipnotify", **fields},
        data=body.encode(),
        headers={"Content-Type": "text/xml"},
        auth=_auth(account),
        timeout=10,
    )
    return {"status": answer.status_code, "words": answer.text}


def _auth(account: Account) -> tuple[str, str]:
    return account.store["user"], account.store["password"]


application = build(os.environ.get("SANDBOX_URL", "http://127.0.0.1:8103").rstrip("/"))
