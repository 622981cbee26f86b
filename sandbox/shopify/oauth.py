"""OAuth: the page on which a seller grants an app access, and tokens that expire after an hour or a day.

Facts: shopify.dev "Authenticate standalone apps", "Offline access tokens", "Client credentials grant". Refusals of the
latter are pages (`Oauth error shop_not_permitted: …`), or JSON if the app's `errors` are "json".

A test sets the apps (`POST /_control/app`): id, secret, and for an app of the seller's own its granted `scope`, whether
it is `installed`, and whether its `organization` owns the store ("own" or "other").
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from typing import Any
from urllib.parse import urlencode

from flask import Flask, redirect, request

from sandbox.common.faults import Faults
from sandbox.common.grant import Door
from sandbox.common.keep import Doc
from sandbox.common.store import Stores

LIVES_S = 3600
#: A token of the client credentials grant.
DAY_S = 86_399
REFRESH_LIVES_S = 7_776_000


def routes(app: Flask, stores: Stores, faults: Faults) -> None:
    """Add the authorization page, the token address, and a control address for the app's own id and secret."""
    door = Door(app)

    @app.post("/_control/app")
    def own() -> Any:
        with stores.keep.lock:
            wish = request.get_json()
            return stores.keep.put("app", wish.get("client_id", "app"), wish)

    @app.post("/_control/uninstall")
    def uninstall() -> Any:
        """Uninstall an app from the store: its tokens are refused from now on."""
        with stores.keep.lock:
            name = request.get_json()["client_id"]
            known = stores.keep.get("app", name) or {}
            for token, row in stores.keep.all("access").items():
                if row.get("app") == name:
                    stores.keep.put("access", token, {**row, "ends_at": 0.0})
            return stores.keep.put("app", name, {**known, "installed": False})

    @app.route("/admin/oauth/authorize", methods=["GET", "POST"])
    def authorize() -> Any:
        """Show the consent page; its button redirects with a code. The stand-in has a single store."""
        args = request.args
        known = stores.keep.get("app", args.get("client_id", ""))
        if known is None:
            return "Oauth error invalid_request: the app is unknown", 400
        if request.method == "GET":
            return door.ask("this app", {"install": "Install", "cancel": "Cancel"}, links={"cancel": "/"})
        shop = stores.shops()[0]
        code = secrets.token_hex(16)
        with stores.keep.lock:
            row = {"domain": shop["domain"], "scope": args.get("scope", ""), "used": False, "app": known["client_id"]}
            stores.keep.put("code", code, row)
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
        fault = faults.before(request)
        return fault if fault is not None else faults.after(app.make_response(issue()))

    def issue() -> Any:
        wish = request.get_json(silent=True) or request.form.to_dict()
        known = stores.keep.get("app", wish.get("client_id", ""))
        if wish.get("grant_type") == "client_credentials":
            return _by_credentials(stores, known, wish)
        if known is None or wish.get("client_secret") != known.get("client_secret"):
            return {"error": "invalid_client"}, 401
        with stores.keep.lock:
            if wish.get("grant_type") == "refresh_token":
                return _refresh(stores, wish)
            code = stores.keep.get("code", wish.get("code", ""))
            if code is None or code["used"] or code["app"] != known["client_id"]:
                return {"error": "invalid_request", "error_description": "The code was not found or was used."}, 400
            code["used"] = True
            if str(wish.get("expiring")) != "1":
                return {
                    "error": "invalid_request",
                    "error_description": "Non-expiring access tokens are no longer accepted",
                }, 403
            _signed_by(stores, code["domain"], known)
            return _pair(stores, code["domain"], code["scope"])


def _by_credentials(stores: Stores, known: Doc | None, wish: Doc) -> Any:
    """Return a token for 24 hours to an installed app of the store's own organization."""
    if known is None:
        return _refused({}, "application_cannot_be_found", "Could not find Shopify API application")
    if wish.get("client_secret") != known.get("client_secret"):
        return _refused(known, "invalid_client", "Client authentication failed", 401)
    if known.get("organization", "own") != "own":
        return _refused(known, "shop_not_permitted", "Client credentials cannot be performed on this shop.")
    if not known.get("installed", True):
        return _refused(known, "app_not_installed", "The application is not installed on this shop.")
    shop = stores.keep.get("shop", known.get("domain", "")) or stores.shops()[0]
    access = f"shpat_{secrets.token_hex(16)}"
    ends_at = stores.clock.now() + DAY_S
    with stores.keep.lock:
        row = {"domain": shop["domain"], "ends_at": ends_at, "kills": "", "app": known["client_id"]}
        stores.keep.put("access", access, row)
        _signed_by(stores, shop["domain"], known)
    return {"access_token": access, "scope": known.get("scope", ""), "expires_in": DAY_S}


def _signed_by(stores: Stores, domain: str, known: Doc) -> None:
    """Sign the store's webhooks with the app's secret from now on."""
    shop = stores.keep.get("shop", domain) or {}
    stores.keep.put("shop", domain, {**shop, "secret": known["client_secret"]})


def _refused(known: Doc, code: str, words: str, status: int = 400) -> Any:
    if known.get("errors") == "json":
        return {"error": code, "error_description": words}, status
    return (
        f"<html><head><title>Oauth error {code}: {words}</title></head><body>Oauth error {code}: {words}</body></html>",
        status,
    )


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
