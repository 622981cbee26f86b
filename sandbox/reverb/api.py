"""Reverb's API over HTTP: authentication, rate limits, and the response of each address. Orders are in order_api.py."""

from __future__ import annotations

import hashlib
import json
from typing import Any

from flask import Blueprint, Response, g, jsonify, request

from sandbox.common.faults import Faults, Log
from sandbox.common.keep import Doc
from sandbox.reverb import order_api, rules, shapes, webhooks
from sandbox.reverb.market import Market
from sandbox.reverb.orders import Orders

PUBLIC = ("/api/categories/flat", "/api/listing_conditions", "/api/shipping/providers", "/api/currencies/listing")
JSON_TYPES = ("application/hal+json", "application/json")
NO_LISTING = "The listing could not be found"
DRAFT_MADE = "Your draft listing has been created. You can come back and finish it up here, or on the web."
DRAFT_SAVED = "Your draft listing has been saved. You can come back to finish it when you're ready."
SAVED = "Your listing has been saved."  # a guess: the message is not documented
PROCESSING = (
    "Your listing has been created. We are processing your request and will send you an email if any errors are found."
)


def build(market: Market, orders: Orders, faults: Faults, log: Log) -> Blueprint:
    """Return the API as a blueprint."""
    api = Blueprint("api", __name__, url_prefix="/api")
    _guard(api, market, faults, log)
    _profile(api, market)
    _reference(api)
    _collections(api, market)
    _listing(api, market)
    order_api.routes(api, market, orders, page=_page, body=_body)
    webhooks.routes(api, market, body=_body)
    return api


def refuse(
    status: int, message: str, errors: rules.Errors | None = None, *, headers: dict[str, str] | None = None
) -> Response:
    """Return an error in Reverb's format."""
    answer = jsonify({"message": message, **({"errors": errors} if errors is not None else {})})
    answer.status_code = status
    answer.headers.update(headers or {})
    return answer


def _root() -> str:
    return request.host_url.rstrip("/") + "/api"


# -- admission -----------------------------------------------------------------------------------------------------


def _guard(api: Blueprint, market: Market, faults: Faults, log: Log) -> None:
    @api.before_request
    def enter() -> Response | None:
        found = market.account(request.headers.get("Authorization", "").removeprefix("Bearer ").strip())
        g.account = None if found is None or found.get("gone") else found
        return faults.before(request) or _admit(market)

    @api.after_request
    def leave(response: Response) -> Response:
        if response.is_json:
            response.headers["Content-Type"] = "application/hal+json"
            if request.method == "GET" and response.status_code == 200:
                response.set_etag(hashlib.sha256(response.get_data()).hexdigest()[:16])
                response.make_conditional(request)
        log.add(response, account=(g.account or {}).get("email", ""))
        return faults.after(response)

    @api.errorhandler(rules.Refusal)
    def refused(error: rules.Refusal) -> Response:
        return refuse(error.status, error.message, error.errors)


def _admit(market: Market) -> Response | None:
    if request.headers.get("Accept-Version") != "3.0":
        return refuse(400, "Accept-Version 3.0 is needed")
    if g.account is None:
        return None if request.path in PUBLIC else refuse(401, "Please log in to do that.")
    kind = "reads" if request.method == "GET" else "writes"
    with market.keep.lock:
        wait = market.over_budget(g.account, kind)
    if wait is not None:
        after = {"Retry-After": str(int(wait) + 1)} if market.settings["send_retry_after"] else {}
        return refuse(429, "Too many requests. Please slow down.", headers=after)
    needed = _scope()
    if needed and needed not in g.account["scopes"]:
        return refuse(403, f"Your token lacks the scope {needed}.")
    return None


def _scope() -> str:
    if request.path.startswith(("/api/my/account", "/api/shop")) and "shipping/" not in request.path:
        return "read_profile"
    if request.path.startswith("/api/webhooks/"):
        return ""  # each topic checks its own scope
    if "/orders/" in request.path:
        return "read_orders" if request.method == "GET" else "write_orders"
    if request.method != "GET":
        return "write_listings"
    return "read_listings" if request.path.startswith("/api/my/listings") else ""


def _body() -> Doc:
    """Return the JSON body; other content types are treated as forms without data (docs: getting started)."""
    if request.mimetype not in JSON_TYPES:
        return {}
    try:
        found = json.loads(request.get_data())
    except ValueError:
        raise rules.Refusal(400, {}, "The body is not JSON") from None
    if not isinstance(found, dict):
        raise rules.Refusal(400, {}, "The body is not a JSON object")
    return found


# -- profile and reference data ------------------------------------------------------------------------------------


def _profile(api: Blueprint, market: Market) -> None:
    @api.get("/my/account")
    def account() -> Doc:
        mine = g.account
        shop = {"shop": {"id": mine["id"], "name": mine["shop_name"], "slug": "shop"}} if mine["has_shop"] else {}
        return {"user_id": mine["id"], "email": mine["email"], **shop}

    @api.get("/shop")
    def shop() -> Any:
        if not g.account["has_shop"]:
            return refuse(404, "You have no shop yet")
        return {
            "id": g.account["id"],
            "name": g.account["shop_name"],
            "slug": "shop",
            "currency": g.account["currency"],
            "shipping_profiles": g.account["shipping_profiles"],
        }


def _reference(api: Blueprint) -> None:
    @api.get("/categories/flat")
    def categories() -> Response:
        rows = [
            {
                "uuid": row["uuid"],
                "name": row["full_name"].rpartition(" / ")[2],
                "full_name": row["full_name"],
                "listable": row["listable"],
            }
            for row in rules.CATEGORIES.values()
        ]
        return jsonify({"categories": rows})

    @api.get("/listing_conditions")
    def conditions() -> Doc:
        approved = bool(g.account and g.account["b_stock"])
        found = [uuid for uuid in rules.CONDITIONS if approved or uuid not in rules.APPROVED_ONLY]
        return {"conditions": [{"uuid": uuid, "display_name": rules.CONDITIONS[uuid]} for uuid in found]}

    @api.get("/shipping/providers")
    def providers() -> Doc:
        return {"shipping_providers": [{"name": name} for name in order_api.PROVIDERS]}

    @api.get("/currencies/listing")
    def currencies() -> Doc:
        return {"currencies": [{"code": code} for code in sorted(rules.CURRENCIES)]}


# -- collections ---------------------------------------------------------------------------------------------------


def _number(name: str, default: int) -> int:
    text = request.args.get(name, "")
    return max(1, int(text)) if text.isdigit() else default


def _page(rows: list[Doc], name: str) -> Doc:
    query = {key: value for key, value in request.args.items() if key not in ("page", "per_page")}
    return shapes.page(
        rows,
        name=name,
        address=request.base_url,
        query=query,
        number=_number("page", 1),
        size=_number("per_page", 24),
    )


def _collections(api: Blueprint, market: Market) -> None:
    @api.get("/my/listings")
    def mine() -> Doc:
        """Return only live listings if no state is given. The index lags, except for the look-up by SKU (seen live)."""
        sku, state = request.args.get("sku"), request.args.get("state", "live")
        lag = float(market.settings["index_lag_s" if sku is None else "sku_lag_s"])
        with market.keep.lock:
            rows = market.mine(g.account, at=market.clock.now() - lag if lag else None)
            rows = [row for row in rows if state in ("all", row["state"])]
            if sku is not None:
                rows = [row for row in rows if _sku_matches(row["sku"], sku, fuzzy=bool(market.settings["fuzzy_sku"]))]
            if words := request.args.get("query", "").lower():
                rows = [row for row in rows if words in row["title"].lower()]
            return _page([shapes.listing(market, _root(), row, all_photos=False) for row in rows], "listings")

    @api.get("/my/listings/drafts")
    def drafts() -> Doc:
        with market.keep.lock:
            rows = market.mine(g.account, at=market.clock.now() - float(market.settings["index_lag_s"]))
            found = [shapes.listing(market, _root(), row, all_photos=False) for row in rows if row["state"] == "draft"]
            return _page(found, "listings")


def _sku_matches(own: str, wanted: str, *, fuzzy: bool) -> bool:
    return wanted.lower() in own.lower() if fuzzy else own.lower() == wanted.lower()


# -- one listing ---------------------------------------------------------------------------------------------------


def _listing(api: Blueprint, market: Market) -> None:
    def found(slug: str) -> Doc:
        doc = market.listing(slug.partition("-")[0])
        if doc is None or (request.method != "GET" and doc["account"] != g.account["token"]):
            raise rules.Refusal(404, {}, NO_LISTING)
        return doc

    def written(doc: Doc, message: str, warnings: list[str]) -> Doc:
        return {"message": message, "listing": shapes.listing(market, _root(), doc), "errors": {}, "warnings": warnings}

    @api.get("/listings/<slug>")
    def read(slug: str) -> Doc:
        with market.keep.lock:
            seen = market.shown(found(slug))
            if seen is None:
                raise rules.Refusal(404, {}, NO_LISTING)
            return shapes.listing(market, _root(), seen)

    @api.post("/listings")
    def create() -> Any:
        with market.keep.lock:
            body = _body()
            doc, warnings = market.create(g.account, body)
            return written(doc, PROCESSING if rules.true(body.get("publish")) else DRAFT_MADE, warnings), 201

    @api.put("/listings/<slug>")
    def update(slug: str) -> Doc:
        with market.keep.lock:
            body, doc = _body(), found(slug)
            doc, warnings = market.update(g.account, doc, body)
            saved = DRAFT_SAVED if doc["state"] == "draft" else SAVED
            return written(doc, PROCESSING if rules.true(body.get("publish")) else saved, warnings)

    @api.delete("/listings/<slug>")
    def delete(slug: str) -> Any:
        with market.keep.lock:
            doc = found(slug)
            if doc["state"] != "draft":
                return refuse(400, "Only drafts can be deleted")
            market.keep.drop("listing", doc["id"])
            return {"message": "Draft deleted"}

    @api.put("/my/listings/<slug>/state/end")
    def end(slug: str) -> Response:
        with market.keep.lock:
            if _body().get("reason") not in ("not_sold", "reverb_sale"):
                return refuse(412, "A reason is needed", {"reason": ["is not a reason"]})
            market.end(found(slug))
            return Response(status=200)
