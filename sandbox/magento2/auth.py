"""Authentication: OAuth 1.0a with real checks, Bearer if enabled, and the handshake of an integration.

Facts: Magento 2.4.7 as seen: HMAC-SHA1 is refused with 400; a "/" in the path is signed as it is although it is sent as
%2F; a signature over anything else, a used nonce and a wrong clock are 401. A token that is gone, because the
integration was reauthorized or its access revoked, is 401 with its own message.
"""

from __future__ import annotations

import secrets
from typing import Any
from urllib.parse import urlencode

import requests
from flask import Flask, Response, redirect, render_template, request

from sandbox.common import oauth1
from sandbox.common.grant import Door
from sandbox.common.keep import Doc
from sandbox.common.store import Stores

SKEW_S = 300
#: Seconds after the callback in which a consumer's credentials must be exchanged.
EXCHANGE_S = 300
Refusal = tuple[Doc, int]


def refused(status: int, words: str, **more: object) -> Refusal:
    """Return an error in Magento's format."""
    return {"message": words, **more}, status


def unauthorised(resource: str = "Magento_Catalog::products") -> Refusal:
    """Return the response to every failed check."""
    return refused(401, "The consumer isn't authorized to access %resources.", parameters={"resources": resource})


class Auth:
    """Checks calls; remembers used nonces."""

    def __init__(self, stores: Stores) -> None:
        """Start without used nonces."""
        self._stores = stores
        self._used: dict[str, float] = {}

    def shop(self) -> Doc | Refusal:
        """Return the store that a call may use, or the refusal."""
        given = request.headers.get("Authorization", "")
        refusal = unauthorised()
        for shop in self._stores.shops():
            for token in [shop["token"], *(shop.get("tokens") or [])]:
                key, secret, owner, owner_secret = token.split(":")
                if given.startswith("Bearer ") and shop.get("bearer") and given[7:] == owner:
                    return shop
                said = oauth1.in_header(given)
                if said.get("oauth_consumer_key") == key and said.get("oauth_token") == owner:
                    problem = self.problem(said, oauth1.key(secret, owner_secret))
                    return problem or shop
                if said.get("oauth_consumer_key") == key:
                    refusal = refused(401, "Specified token does not exist")
        return refusal

    def problem(self, said: dict[str, str], key: str) -> Refusal | None:
        """Check a signed call with a signing key; return the refusal, or None if it is valid."""
        if said.get("oauth_signature_method") != "HMAC-SHA256":
            return refused(400, "Signature method %1 is not supported", parameters=[said.get("oauth_signature_method")])
        at, nonce, now = said.get("oauth_timestamp", ""), said.get("oauth_nonce", ""), self._stores.clock.now()
        if not at.isdigit() or not self._stores.clock.is_near(int(at), SKEW_S) or not nonce:
            return unauthorised()
        self._used = {one: when for one, when in self._used.items() if when > now - 2 * SKEW_S}
        mark = f"{said.get('oauth_consumer_key')} {nonce}"
        if mark in self._used:
            return unauthorised()
        self._used[mark] = now
        return None if oauth1.is_signed(request, said, key) else unauthorised()


def handshake(app: Flask, stores: Stores, auth: Auth, url: str) -> None:
    """Add an integration's page in the admin, and the two calls that lead to a token."""
    door = Door(app)

    def consumer() -> Doc | None:
        key = oauth1.in_header(request.headers.get("Authorization", "")).get("oauth_consumer_key", "")
        known = stores.keep.get("consumer", key)
        return known if known and stores.clock.now() - known["at"] <= EXCHANGE_S else None

    def tokens(token: str, secret: str) -> Response:
        return Response(urlencode({"oauth_token": token, "oauth_token_secret": secret}), mimetype="text/html")

    @app.post("/oauth/token/<word>")
    def token(word: str) -> Any:
        known, said = consumer(), oauth1.in_header(request.headers.get("Authorization", ""))
        if known is None:
            return Response("oauth_problem=consumer_expired", status=401)
        middle = known.get("request") or ["", ""]
        key = oauth1.key(known["secret"], middle[1] if word == "access" else "")
        if auth.problem(said, key) is not None:
            return Response("oauth_problem=signature_invalid", status=401)
        made = [secrets.token_hex(16), secrets.token_hex(16)]
        with stores.keep.lock:
            if word == "request":
                stores.keep.put("consumer", known["key"], {**known, "request": made})
                return tokens(*made)
            if said.get("oauth_token") != middle[0] or said.get("oauth_verifier") != known["verifier"]:
                return Response("oauth_problem=verifier_invalid", status=401)
            shop = stores.shops()[0]
            whole = ":".join([known["key"], known["secret"], *made])
            stores.keep.put("shop", shop["domain"], {**shop, "tokens": [*(shop.get("tokens") or []), whole]})
            stores.keep.drop("consumer", known["key"])
        return tokens(*made)

    @app.route("/_integration", methods=["GET", "POST"])
    def integration() -> Any:
        """Show the form of a new integration; activating it posts the credentials and opens the identity link."""
        if request.method == "GET":
            return door.closed() or render_template("grant/integration.html")
        made = {"key": secrets.token_hex(16), "secret": secrets.token_hex(16), "verifier": secrets.token_hex(16)}
        with stores.keep.lock:
            stores.keep.put("consumer", made["key"], {**made, "at": stores.clock.now()})
        message = {
            "oauth_consumer_key": made["key"],
            "oauth_consumer_secret": made["secret"],
            "store_base_url": f"{url}/{stores.shops()[0].get('base_path', '')}",
            "oauth_verifier": made["verifier"],
        }
        answered = requests.post(request.form["callback"], data=message, timeout=30, allow_redirects=False)
        if answered.status_code != 200:
            words = f"The callback answered {answered.status_code}"
            return render_template("grant/said.html", words=words, body=answered.text[:500]), 400
        query = {"oauth_consumer_key": made["key"], "success_call_back": f"{url}/_integration/done"}
        return redirect(f"{request.form['identity']}?{urlencode(query)}")

    @app.get("/_integration/done")
    def done() -> str:
        return render_template("grant/said.html", words="The integration is active", closes=True)
