"""OAuth: the page on which a seller grants an app access, and tokens that expire after an hour.

Facts: shopify.dev "Authenticate standalone apps", "Offline access tokens"; the app's id and secret are set by a test.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from typing import Any
from urllib.parse import urlencode

from flask import Flask, redirect, request

from sandbox.common.grant import Door
from sandbox.common.keep import Doc
from sandbox.common.store import Stores

LIVES_S = 3600
REFRESH_LIVES_S = 7_776_000


def routes(app: Flask, stores: Stores) -> None:
    """Add the authorization page, the token address, and a control address for the app's own id and secret."""
    door = Door(app)

    @app.post("/_control/app")
    def own() -> Any:
        with stores.keep.lock:
            return stores.keep.put("app", "app", request.get_json())

    @app.route("/admin/oauth/authorize", methods=["GET", "POST"])
    def authorize() -> Any:
        """Show the consent page; its button redirects with a code. The stand-in has a single store."""
        args = request.args
        known = stores.keep.get("app", "app") or {}
        if args.get("client_id") != known.get("client_id"):
            return "Oauth error invalid_request: the app is unknown", 400
        if request.method == "GET":
            return door.ask("this app", {"install": "Install", "cancel": "Cancel"}, links={"cancel": "/"})
        shop = stores.shops()[0]
        code = secrets.token_hex(16)
        with stores.keep.lock:
            stores.keep.put("code", code, {"domain": shop["domain"], "scope": args.get("scope", ""), "used": False})
        back = {
            "code": code,
            "host": base64.b64encode(f"{shop['domain']}/admin".encode()).decode().rstrip("="),
            "shop": shop["domain"],
            "state": args.get("state", ""),
            "timestamp": str(int(stores.clock.now())),
        }
        return redirect(f"{args['redirect_uri']}?{urlencode(sign(back, known['client_secret']))}")

    @app.post("/admin/oauth/access_token")
    def token() -> Any:
        wish, known = request.get_json(silent=True) or {}, stores.keep.get("app", "app") or {}
        if (wish.get("client_id"), wish.get("client_secret")) != (known.get("client_id"), known.get("client_secret")):
            return {"error": "invalid_client"}, 401
        with stores.keep.lock:
            if wish.get("grant_type") == "refresh_token":
                return _refresh(stores, wish)
            code = stores.keep.get("code", wish.get("code", ""))
            if code is None or code["used"]:
                return {"error": "invalid_request", "error_description": "The code was not found or was used."}, 400
            code["used"] = True
            if str(wish.get("expiring")) != "1":
                return {
                    "error": "invalid_request",
                    "error_description": "Non-expiring access tokens are no longer accepted",
                }, 403
            return _pair(stores, code["domain"], code["scope"])


def _refresh(stores: Stores, wish: Doc) -> Any:
    """Return a new token pair. The old refresh token works until the new access token is used (changelog, 2026-08)."""
    kept = stores.keep.get("refresh", wish.get("refresh_token", ""))
    if kept is None or kept["ends_at"] < stores.clock.now() or kept.get("dead"):
        return {"error": "invalid_grant"}, 400
    return _pair(stores, kept["domain"], kept["scope"], after=wish["refresh_token"])


def _pair(stores: Stores, domain: str, scope: str, *, after: str = "") -> Doc:
    access, refresh, now = f"shpat_{secrets.token_hex(16)}", f"shprt_{secrets.token_hex(16)}", stores.clock.now()
    stores.keep.put("access", access, {"domain": domain, "ends_at": now + LIVES_S, "kills": after})
    stores.keep.put("refresh", refresh, {"domain": domain, "scope": scope, "ends_at": now + REFRESH_LIVES_S})
    return {
        "access_token": access,
        "scope": scope,
        "expires_in": LIVES_S,
        "refresh_token": refresh,
        "refresh_token_expires_in": REFRESH_LIVES_S,
    }


def shop_of(stores: Stores, token: str) -> Doc | None:
    """Return the store of a token: one set by a test, or one that was granted and has not expired."""
    pasted = stores.shop_with("token", token)
    granted = stores.keep.get("access", token) if token else None
    if pasted is not None or granted is None or granted["ends_at"] < stores.clock.now():
        return pasted
    if granted["kills"]:
        old = stores.keep.get("refresh", granted["kills"])
        if old is not None:
            stores.keep.put("refresh", granted["kills"], {**old, "dead": True})
    return stores.keep.get("shop", granted["domain"])


def sign(query: dict[str, str], secret: str) -> dict[str, str]:
    """Return the query with its hmac."""
    digest = hmac.new(secret.encode(), urlencode(sorted(query.items())).encode(), hashlib.sha256).hexdigest()
    return {**query, "hmac": digest}
