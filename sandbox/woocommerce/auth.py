"""The key exchange: the page on which a shop manager approves, the server's call with the keys, the redirect back.

Facts: WooCommerce 11 as seen: the callback is posted before the browser is redirected; any status but 200 deletes the
keys. A real one accepts only https callbacks; the stand-in also allows the loopback address.
"""

from __future__ import annotations

import re
import secrets
from typing import Any
from urllib.parse import urlencode

import requests
from flask import Flask, redirect, request

from sandbox.common.grant import Door
from sandbox.common.store import Stores

WANTED = ("app_name", "scope", "user_id", "return_url", "callback_url")
#: The form in which `user_id` is returned unchanged.
PLAIN = re.compile(r"[A-Za-z0-9._:/-]+")


def routes(app: Flask, stores: Stores) -> None:
    """Add the page and the actions of its buttons."""
    door = Door(app)

    @app.get("/wc-auth/v1/authorize")
    def authorize() -> Any:
        args = request.args.to_dict()
        if any(not args.get(name) for name in WANTED) or not PLAIN.fullmatch(args["user_id"]):
            return "Error: a parameter is missing or invalid", 401
        if not args["callback_url"].startswith(("https://", "http://127.0.0.1:", "http://localhost:")):
            return "Error: The callback_url needs to be over SSL", 401
        links = {word: f"/wc-auth/v1/{word}?{urlencode(args)}" for word in ("approve", "deny")}
        return door.ask(args["app_name"][:40], {"approve": "Approve", "deny": "Deny"}, links=links)

    @app.get("/wc-auth/v1/<word>")
    def decide(word: str) -> Any:
        args = request.args.to_dict()
        good = word == "approve" and _hand_over(stores, args)
        if word == "approve" and not good:
            return "Error: An error occurred in the request and at the time were unable to send the consumer data", 401
        back = {"success": int(good), "user_id": args["user_id"]}
        return redirect(f"{args['return_url']}?{urlencode(back)}")


def _hand_over(stores: Stores, args: dict[str, str]) -> bool:
    key, secret = f"ck_{secrets.token_hex(20)}", f"cs_{secrets.token_hex(20)}"
    with stores.keep.lock:
        shop = stores.shops()[0]
        stores.keep.put("shop", shop["domain"], {**shop, "keys": [*(shop.get("keys") or []), f"{key}:{secret}"]})
    message = {
        "key_id": 1,
        "user_id": args["user_id"],
        "consumer_key": key,
        "consumer_secret": secret,
        "key_permissions": args["scope"],
    }
    try:
        status = requests.post(args["callback_url"], json=message, timeout=60, allow_redirects=False).status_code
    except requests.RequestException:
        status = 0
    if status == 200:
        return True
    with stores.keep.lock:
        shop = stores.keep.get("shop", shop["domain"]) or shop
        left = [one for one in shop["keys"] if one != f"{key}:{secret}"]
        stores.keep.put("shop", shop["domain"], {**shop, "keys": left})
    return False
