"""Orders over HTTP: the seller's lists with their filters, one order, shipping, and pick-up.

Facts: Reverb docs, "Retrieve orders" and "Mark an order as shipped", and the public API description. The response to
shipping is not documented: here it is only a message, so that no code depends on more.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

from flask import Blueprint, g, request

from sandbox.common.keep import Doc
from sandbox.reverb import shapes
from sandbox.reverb.market import Market, as_of
from sandbox.reverb.orders import UNPAID, Orders
from sandbox.reverb.rules import Refusal

PROVIDERS = (
    *("UPS", "USPS", "FedEx", "DHL Deutschland", "DHLExpress", "DHLGlobalMail", "DHL", "Canada Post", "CanPar"),
    *("Royal Mail", "PostNL", "Australia Post", "EMS", "La Poste - Colissimo", "China Post", "GLS", "Parcelforce"),
    *("Purolator", "Interlogistica", "Correos España", "Ukraine Post", "DPD Germany", "DPD UK", "DPD France"),
    *("Hermes", "TNT", "Other"),
)
NO_ORDER = "The order could not be found"
#: List → the statuses that it shows; None: all of them.
LISTS: dict[str, tuple[str, ...] | None] = {"all": None, "awaiting_shipment": ("paid",), "unpaid": UNPAID}

Page = Callable[[list[Doc], str], Doc]
Body = Callable[[], Doc]


def routes(api: Blueprint, market: Market, orders: Orders, *, page: Page, body: Body) -> None:
    """Add the addresses. `page` paginates rows, `body` reads the call's JSON."""

    def root() -> str:
        return request.host_url.rstrip("/") + "/api"

    def found(number: str) -> Doc:
        doc = orders.get(number)
        if doc is None or doc["account"] != g.account["token"]:
            raise Refusal(404, {}, NO_ORDER)
        return doc

    def rows(which: str) -> Any:
        statuses, wanted = LISTS[which], _filters()
        with market.keep.lock:
            mine = orders.mine(g.account, at=market.clock.now() - float(market.settings["orders_lag_s"]))
            shown = [doc for doc in mine if statuses is None or doc["status"] in statuses]
            shown = [doc for doc in shown if all(first <= doc[name] <= last for name, first, last in wanted)]
            return page([shapes.order(market, root(), doc) for doc in shown], "orders")

    for name in LISTS:
        api.add_url_rule(f"/my/orders/selling/{name}", f"orders_{name}", rows, defaults={"which": name})

    @api.get("/my/orders/selling/<number>")
    def order(number: str) -> Any:
        with market.keep.lock:
            seen = as_of(found(number), market.clock.now() - float(market.settings["order_lag_s"]))
            if seen is None:
                raise Refusal(404, {}, NO_ORDER)
            return shapes.order(market, root(), seen)

    @api.post("/my/orders/selling/<number>/ship")
    def ship(number: str) -> Any:
        with market.keep.lock:
            doc, parcel = found(number), _parcel(body())
            if doc["local_pickup"] or doc["status"] not in ("paid", "shipped"):
                raise Refusal(422, {}, "This order can't be marked as shipped")  # [guess]
            orders.step(doc, "ship", **parcel)
            return {"message": "The order has been marked as shipped"}

    @api.post("/my/orders/selling/<number>/mark_picked_up")
    def picked_up(number: str) -> Any:
        with market.keep.lock:
            doc = found(number)
            if not doc["local_pickup"] or doc["status"] != "paid":
                raise Refusal(422, {}, "This order can't be marked as picked up")  # [guess]
            orders.step(doc, "pick_up")
            return {"message": "The order has been marked as picked up"}


def _parcel(said: Doc) -> Doc:
    """Return provider and tracking number. All three fields are required; the provider must be in the list."""
    errors = {}
    if said.get("provider") not in PROVIDERS:
        errors["provider"] = ["is not one of the shipping providers" if said.get("provider") else "can't be blank"]
    number = said.get("tracking_number")
    if not isinstance(number, str) or not number.strip():
        errors["tracking_number"] = ["can't be blank"]
    if not isinstance(said.get("send_notification"), bool):
        errors["send_notification"] = ["must be true or false"]
    if errors:
        raise Refusal(412, errors, "The shipment can't be saved")
    return {"provider": said["provider"], "tracking_number": str(number).strip()}


def _filters() -> list[tuple[str, float, float]]:
    """Return field, first and last time of each filter in the query; both ends are inclusive."""
    return [
        (f"{name}_at", _moment(f"{name}_start_date", 0.0), _moment(f"{name}_end_date", float("inf")))
        for name in ("created", "updated")
    ]


def _moment(name: str, default: float) -> float:
    """Parse a time; without an offset it is in Reverb's zone [guess]. A bare "+" arrives as a blank: not a date."""
    text = request.args.get(name, "")
    if not text:
        return default
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise Refusal(400, {name: ["is not a date"]}, f"{name} is not an ISO 8601 date") from None
    return (found if found.tzinfo else found.replace(tzinfo=shapes.ZONE)).timestamp()
