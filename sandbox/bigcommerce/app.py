"""The stand-in BigCommerce as a web application: the API with its quota, the token address, and the admin."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import secrets
from typing import Any

from flask import Flask, Response, g, request
from werkzeug.exceptions import HTTPException

from sandbox.bigcommerce import api, hooks, panel
from sandbox.bigcommerce.api import refused
from sandbox.common import store_app
from sandbox.common.faults import Faults, Log
from sandbox.common.keep import Doc
from sandbox.common.store import Stores

#: Calls in a window of this many seconds (docs: rate limits, the smallest plan).
QUOTA: dict[str, float] = {"calls": 150, "window_s": 30.0}


@store_app.store_application(
    __name__,
    __file__,
    kind="bigcommerce",
    first_id=100,
    words="A local stand-in for a BigCommerce store. What you save here goes out as webhooks.",
    manners=lambda stores, _: hooks.manners(stores, hooks.Domains(stores)),
)
def build(parts: store_app.Parts, url: str) -> None:
    """Complete the store."""
    app, clock, stores, sender = parts.app, parts.clock, parts.stores, parts.sender
    faults, log = parts.faults, parts.log

    def notify(domain: str, happened: list[Doc]) -> None:
        shop = stores.keep.get("shop", domain) or {}
        for one in happened:
            for scope, body in hooks.bodies(clock, shop, one):
                sender.send(domain, scope, body)

    parts.finish(notify, url)
    _guard(app, stores, faults, log)
    _app(app, stores)
    api.routes(app, stores, sender, notify)


def _guard(app: Flask, stores: Stores, faults: Faults, log: Log) -> None:
    """Admit calls with a token, within the quota; the lock is held until the response is made."""
    used: dict[str, list[float]] = stores.keep.unsaved()

    @app.post("/_control/limits")
    def limits() -> Any:
        QUOTA.update({name: float(value) for name, value in request.get_json().items() if name in QUOTA})
        used.clear()
        return QUOTA

    @app.before_request
    def enter() -> Any:
        if not request.path.startswith("/stores/"):
            return None
        fault = faults.before(request)
        if fault is not None:
            return fault
        stores.keep.lock.acquire()
        g.locked = True
        shop = stores.keep.get("shop", request.path.split("/")[2])
        token = request.headers.get("X-Auth-Token", "")
        if shop is None or not token or token not in (shop["token"], *(shop.get("tokens") or [])):
            return refused(401, "Unauthorized")
        g.shop = shop
        if any(part in request.path for part in shop.get("may_not") or ()):
            return refused(403, "You don't have a required scope to access the endpoint")
        calls = used.setdefault(shop["domain"], [])
        now = stores.clock.now()
        calls[:] = [at for at in calls if at > now - QUOTA["window_s"]]
        g.reset_ms = int(1000 * (QUOTA["window_s"] - (now - calls[0]))) if calls else int(1000 * QUOTA["window_s"])
        g.left = int(QUOTA["calls"]) - len(calls)
        if g.left <= 0:
            return {"status": 429, "title": "Too many requests", "type": "about:blank"}, 429
        calls.append(now)
        g.left -= 1
        return None

    @app.errorhandler(404)
    @app.errorhandler(405)
    def no_route(error: HTTPException) -> Any:
        """Answer an unknown address in v3's format (a guess)."""
        if not request.path.startswith("/stores/"):
            return error
        words = "The route is not found, check the URL" if error.code == 404 else "Method Not Allowed"
        return refused(error.code or 404, words)

    @app.after_request
    def rate_limit_headers(response: Response) -> Response:
        if not request.path.startswith("/stores/"):
            return response
        if "left" in g:
            response.headers["X-Rate-Limit-Time-Window-Ms"] = str(int(1000 * QUOTA["window_s"]))
            response.headers["X-Rate-Limit-Time-Reset-Ms"] = str(g.reset_ms)
            response.headers["X-Rate-Limit-Requests-Quota"] = str(int(QUOTA["calls"]))
            response.headers["X-Rate-Limit-Requests-Left"] = str(max(0, g.left))
        log.add(response, account=request.path.split("/")[2])
        return faults.after(response)

    @app.teardown_request
    def free(_: BaseException | None) -> None:
        if g.pop("locked", False):
            stores.keep.lock.release()


def _app(app: Flask, stores: Stores) -> None:
    """Add what a marketplace app needs: codes, tokens, and signed payloads, created by a test."""

    @app.post("/_control/app")
    def own() -> Any:
        with stores.keep.lock:
            return stores.keep.put("app", "app", request.get_json())

    def installation(domain: str) -> Doc:
        """Return the query with which BigCommerce calls the app on installation."""
        code = secrets.token_hex(12)
        scope = str((stores.keep.get("app", "app") or {}).get("scope", ""))
        with stores.keep.lock:
            stores.keep.put("code", code, {"domain": domain, "used": False})
        return {"code": code, "scope": scope, "context": f"stores/{domain}", "account_uuid": "1-2-3"}

    def visit(domain: str, **wish: Any) -> Doc:
        """Return a signed visit (docs: signed_payload_jwt); the claims can be changed."""
        known, now = stores.keep.get("app", "app") or {}, int(stores.clock.now())
        owner = {"id": 7654321, "email": "owner@example.com"}
        claims = {
            "aud": known.get("client_id"),
            "iss": "bc",
            "iat": now,
            "nbf": now - 5,
            "exp": now + 86_400,
            "jti": secrets.token_hex(8),
            "sub": f"stores/{domain}",
            "user": owner,
            "owner": owner,
            "url": "/",
            **wish,
        }
        return {"signed_payload_jwt": _jwt(claims, str(known.get("client_secret")))}

    @app.post("/_control/install")
    def install() -> Any:
        return installation(request.get_json()["domain"])

    @app.post("/_control/jwt")
    def sign() -> Any:
        return visit(**request.get_json())

    panel.routes(app, stores, install=installation, visit=visit)

    @app.post("/oauth2/token")
    def token() -> Any:
        wish, known = request.get_json(silent=True) or {}, stores.keep.get("app", "app") or {}
        code = stores.keep.get("code", wish.get("code", ""))
        right = (wish.get("client_id"), wish.get("client_secret")) == (
            known.get("client_id"),
            known.get("client_secret"),
        )
        if not right or code is None or code["used"] or wish.get("context") != f"stores/{code['domain']}":
            return {"error": "invalid_request"}, 400
        made = secrets.token_hex(16)
        with stores.keep.lock:
            code["used"] = True
            shop = stores.keep.get("shop", code["domain"]) or {}
            tokens = {"tokens": [*(shop.get("tokens") or []), made], "secret": known["client_secret"]}
            stores.keep.put("shop", code["domain"], {**shop, **tokens})
        return {
            "access_token": made,
            "scope": wish.get("scope", ""),
            "user": {"id": 24654, "email": "merchant@example.com"},
            "owner": {"id": 12345, "email": "owner@example.com"},
            "context": wish["context"],
            "account_uuid": "1-2-3",
        }


def _jwt(claims: Doc, secret: str) -> str:
    def packed(part: Doc) -> str:
        return base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=")

    signed = f"{packed({'alg': 'HS256', 'typ': 'JWT'})}.{packed(claims)}"
    digest = hmac.new(secret.encode(), signed.encode(), hashlib.sha256).digest()
    return f"{signed}.{base64.urlsafe_b64encode(digest).decode().rstrip('=')}"


application = store_app.from_environment(build)
