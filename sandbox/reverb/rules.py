"""Reverb's rules for a listing: what is refused, what a change does, what prevents publishing. Pure functions.

Sources: Reverb's developer pages (create and update listings, sync guide) and behavior seen live in 2026. Marked
[guess]: wording and status of refusals that are not documented.
"""

from __future__ import annotations

import html
import json
import re
import unicodedata
from collections.abc import Callable
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any

Doc = dict[str, Any]
Errors = dict[str, list[str]]

CATEGORIES: dict[str, Doc] = {
    row["uuid"]: row for row in json.loads(Path(__file__).with_name("categories.json").read_text())
}
BRAND_NEW = "7c3f45de-2ae0-4c81-8400-fdb6b1d74890"
CONDITIONS: dict[str, str] = {
    "fbf35668-96a0-4baa-bcde-ab18d6b1b329": "Non Functioning",
    "6a9dfcad-600b-46c8-9e08-ce6e5057921e": "Poor",
    "98777886-76d0-44c8-865e-bb40e669e934": "Fair",
    "f7a3f48c-972a-44c6-b01a-0cd27488d3f6": "Good",
    "ae4d9114-1bd7-4ec5-a4ba-6653af5ac84d": "Very Good",
    "df268ad1-c462-4ba6-b6db-e007e23922ea": "Excellent",
    "ac5b9c1e-dc78-466d-b0b3-7cf712967a48": "Mint",
    "6db7df88-293b-4017-a1c1-cdb5e599fa1a": "Mint (with inventory)",
    "9225283f-60c2-4413-ad18-1f5eba7a856f": "B-Stock",
    BRAND_NEW: "Brand New",
}
#: Need Reverb's approval for the account.
APPROVED_ONLY = {"6db7df88-293b-4017-a1c1-cdb5e599fa1a", "9225283f-60c2-4413-ad18-1f5eba7a856f"}
HOLD_SEVERAL = {BRAND_NEW, *APPROVED_ONLY}
CURRENCIES = {"USD", "CAD", "EUR", "GBP", "AUD", "JPY", "NZD", "MXN"}
TEXTS = ("title", "make", "model", "finish", "sku")
#: Ways in which Reverb may change a SKU.
SPELLINGS: dict[str, Callable[[str], str]] = {
    "upper": str.upper,
    "squeezed": lambda sku: " ".join(sku.split()),
    "composed": lambda sku: unicodedata.normalize("NFC", sku),
    "plain": lambda sku: sku.encode("ascii", "ignore").decode(),
    "cut": lambda sku: sku[:40],
    "unmarked": lambda sku: re.sub("<[^>]*>", "", sku),
}
LONGEST = 255
UNKNOWN = "Unknown"
GONE = ("sold", "ordered")
MAKES = ("Fender", "Gibson", "PRS", "Ibanez", "Boss", "Martin", "Taylor", "Yamaha", "Roland", "Korg", "Moog", "Shure")
_DROPPED = re.compile(r"(?is)<(script|style)\b.*?</\1>|</?(?!/?(?:ul|ol|li|strong|b|em|i|u|div|p|br)\b)[a-z!][^>]*>")
_ATTRIBUTES = re.compile(r"<(\w+)\s[^>]*>")


class Refusal(Exception):
    """Reverb refuses a body."""

    def __init__(self, status: int, errors: Errors, message: str = "") -> None:
        """Store the status and the field errors."""
        super().__init__(message)
        self.status = status
        self.errors = errors
        self.message = (
            message or "Please fill in all the fields required for submitting your listing to the marketplace."
        )


def check(body: Doc, account: Doc) -> None:
    """Raise Refusal if the body has values that Reverb does not accept."""
    if wrong := _bad_categories(body.get("categories")):
        raise Refusal(400, {"categories": [wrong]}, wrong)
    errors: Errors = {}
    for name in TEXTS:
        if name in body and not isinstance(body[name], str):
            errors[name] = ["must be a text"]
        elif len(body.get(name) or "") > LONGEST:
            errors[name] = [f"is too long (maximum is {LONGEST} characters)"]
    for name, words in (
        ("condition", _bad_condition(body.get("condition"), account)),
        ("price", _bad_price(body.get("price"), account)),
        ("inventory", _bad_inventory(body.get("inventory"))),
        ("photos", _bad_photos(body.get("photos"))),
        ("shipping_profile_id", _bad_profile(body.get("shipping_profile_id"), account)),
    ):
        if words:
            errors[name] = [words]
    if errors:
        raise Refusal(412, errors)


def _bad_categories(value: Any) -> str:
    """Return the error: only a leaf is allowed; a category between root and leaf gets 400 (seen live)."""
    if value is None:
        return ""
    if not isinstance(value, list) or not all(isinstance(row, dict) and "uuid" in row for row in value):
        return "categories must be a list of objects with a uuid"
    for row in value:
        found = CATEGORIES.get(row["uuid"])
        if found is None:
            return "category does not exist"
        if not found["listable"]:
            return f"{found['full_name']} can't be listed in; choose one of its subcategories"
    return "too many categories" if len(value) > 3 else ""


def _bad_condition(value: Any, account: Doc) -> str:
    if value is None:
        return ""
    uuid = value.get("uuid") if isinstance(value, dict) else None
    if uuid not in CONDITIONS:
        return "is not a condition"
    return "is not available to your shop" if uuid in APPROVED_ONLY and not account.get("b_stock") else ""


def _bad_price(value: Any, account: Doc) -> str:
    if value is None:
        return ""
    if not isinstance(value, dict) or not isinstance(value.get("amount"), str):
        return "must have an amount and a currency"
    try:
        amount = Decimal(value["amount"])
    except InvalidOperation:
        return "is not a number"
    if not amount.is_finite() or amount <= 0:
        return "must be greater than 0"  # [guess]
    if value.get("currency") not in CURRENCIES:
        return "has a currency that Reverb does not list in"
    return "must be in your shop's currency" if value["currency"] != account["currency"] else ""  # [guess]


def _bad_inventory(value: Any) -> str:
    good = value is None or (isinstance(value, int) and not isinstance(value, bool) and value >= 0)
    return "" if good else "must be a whole number of 0 or more"


def _bad_photos(value: Any) -> str:
    good = value is None or (
        isinstance(value, list) and all(isinstance(p, str) and p.startswith(("http://", "https://")) for p in value)
    )
    return "" if good else "must be a list of addresses"


def _bad_profile(value: Any, account: Doc) -> str:
    known = {str(profile["id"]) for profile in account["shipping_profiles"]}
    return "" if value is None or str(value) in known else "is not one of your shipping profiles"


# -- changes -------------------------------------------------------------------------------------------------------


def several(listing: Doc) -> bool:
    """Return whether the listing can have several units."""
    return listing["condition"] in HOLD_SEVERAL


def locked(listing: Doc) -> bool:
    """Return whether a used listing has sold, which locks it for good (sync guide; seen live)."""
    return listing["state"] in GONE and not several(listing)


def change(listing: Doc, body: Doc, *, now: float, fetch_s: float) -> None:
    """Apply a checked body to a listing; fields not sent are unchanged. Raises Refusal for a locked listing."""
    if locked(listing) and (body.get("inventory") or true(body.get("publish"))):
        raise Refusal(422, {"base": ["This listing has sold and can't be listed again"]}, "This listing has sold")
    for name in ("make", "model", "finish", "year", "sku", "upc", "origin_country_code", "storage_location"):
        if name in body:
            listing[name] = str(body[name])
    for name in ("offers_enabled", "handmade", "sold_as_is", "upc_does_not_apply"):
        if name in body:
            listing[name] = true(body[name])
    if "title" in body:
        listing["title"] = body["title"].strip()
    if "description" in body:
        listing["description"] = clean(str(body["description"]))
    if body.get("price"):
        listing["price"] = {"amount": f"{Decimal(body['price']['amount']):.2f}", "currency": body["price"]["currency"]}
    if body.get("condition"):
        listing["condition"] = body["condition"]["uuid"]
    if "categories" in body:
        listing["categories"] = [row["uuid"] for row in body["categories"]]
    if "shipping_profile_id" in body:
        listing["shipping_profile_id"] = int(body["shipping_profile_id"])
    if "photos" in body:
        replaced = body.get("photo_upload_method") == "override_position"
        listing["photos"] = body["photos"] if replaced else [*listing["photos"], *body["photos"]]
        listing["photos_at"] = now + fetch_s
    _stock(listing, body)


def _stock(listing: Doc, body: Doc) -> None:
    """Apply the inventory: 0 ends any listing; raising it relists only multi-unit conditions (docs; seen live)."""
    listing["has_inventory"] = several(listing) and true(body.get("has_inventory", listing["has_inventory"]))
    if "inventory" not in body:
        return
    units = body["inventory"]
    if units == 0:
        listing["inventory"] = 0
        if listing["state"] not in ("draft", *GONE):
            listing["state"] = "sold" if several(listing) else "ended"
    elif several(listing):
        listing["inventory"] = units if listing["has_inventory"] else 1
        if listing["state"] in ("sold", "ended"):
            listing["state"] = "live"


def missing(listing: Doc, account: Doc) -> list[str]:
    """Return what prevents publishing, in the words of Reverb's warnings."""
    wrong = []
    if listing["condition"] == BRAND_NEW and not listing["upc"] and not listing["upc_does_not_apply"]:
        wrong.append("A valid UPC/EAN must be entered for Brand New items, or mark that it does not apply.")
    for name, words in (
        ("photos", "At least one photo is needed."),
        ("price", "A price is needed."),
        ("categories", "A category is needed."),
        ("condition", "A condition is needed."),
    ):
        if not listing[name]:
            wrong.append(words)
    if UNKNOWN in (listing["make"], listing["model"]):
        wrong.append("Make and model must be known.")
    if several(listing) and not listing["inventory"]:
        wrong.append("At least one item must be in stock.")
    if not account.get("billing", True):
        wrong.append("Billing details must be entered.")
    if not account.get("shop_finished", True):
        wrong.append("Your shop must be finished.")
    return wrong


def guess(listing: Doc) -> None:
    """Guess make and model from the title, else "Unknown" (docs: create listings)."""
    first = (listing["title"].split() or [""])[0]
    known = {make.lower(): make for make in MAKES}
    listing["make"] = listing["make"] or known.get(first.lower(), UNKNOWN)
    rest = listing["title"].removeprefix(first).strip()
    listing["model"] = listing["model"] or (rest if listing["make"] != UNKNOWN and rest else UNKNOWN)


def true(value: Any) -> bool:
    """Return the value of a boolean, which may be sent as text (docs: samples)."""
    return value is True or value == "true"


def clean(text: str) -> str:
    """Keep the few tags that Reverb allows, without attributes; a bare `&` becomes an entity."""
    bare = _ATTRIBUTES.sub(r"<\1>", _DROPPED.sub("", text))
    return re.sub(r"&(?!\w+;|#\d+;)", html.escape("&"), bare).strip()


def slug(listing: Doc) -> str:
    """Return the id with the title's words: a changed title changes it."""
    return f"{listing['id']}-" + re.sub(r"[^a-z0-9]+", "-", listing["title"].lower()).strip("-")
