"""OAuth for multi-user apps: the page on which a seller grants access, and the token for its code.

Facts: Reverb docs, "Build a multi-user app with OAuth": no expiry, no refresh token. The app is set by a test.
"""

from __future__ import annotations

import secrets
from typing import Any
from urllib.parse import urlencode

from flask import Flask, redirect, request

from sandbox.common.grant import Door
from sandbox.reverb.market import Market


def routes(app: Flask, market: Market) -> None:
    """Add the page, the token address, and a control address for the app's id and secret."""
    door = Door(app)

    @app.post("/_control/app")
    def own() -> Any:
        return market.keep.put("app", "app", request.get_json())

    @app.route("/oauth/authorize", methods=["GET", "POST"])
    def authorize() -> Any:
        known = market.keep.get("app", "app") or {}
        if request.args.get("client_id") != known.get("client_id") or request.args.get("response_type") != "code":
            return "The client is unknown.", 401
        if request.method == "GET":
            return door.ask("this app", {"authorize": "Authorize", "deny": "Deny"})
        back = {"state": request.args.get("state", "")}
        if request.form.get("word") == "deny":
            return redirect(f"{request.args['redirect_uri']}?{urlencode({'error': 'access_denied', **back})}")
        code = secrets.token_hex(16)
        kept = {"scope": request.args.get("scope", ""), "uri": request.args["redirect_uri"], "used": False}
        market.keep.put("code", code, kept)
        return redirect(f"{kept['uri']}?{urlencode({'code': code, **back})}")

    @app.post("/oauth/token")
    def token() -> Any:
        known, form = market.keep.get("app", "app") or {}, request.form
        mine = (form.get("client_id"), form.get("client_secret")) == (
            known.get("client_id"),
            known.get("client_secret"),
        )
        code = market.keep.get("code", form.get("code", ""))
        if not mine or form.get("grant_type") != "authorization_code":
            return {"error": "invalid_client"}, 401
        if code is None or code["used"] or form.get("redirect_uri") != code["uri"]:
            return {"error": "invalid_grant"}, 401
        market.keep.put("code", form["code"], {**code, "used": True})
        made = secrets.token_hex(24)
        wish = {"token": made, "scopes": code["scope"].split(), "shop_name": "Gear by OAuth", "oauth": True}
        market.make_account(wish)
        return {"access_token": made, "token_type": "bearer", "scope": code["scope"], "created_at": 1}
