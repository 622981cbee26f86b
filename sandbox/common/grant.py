"""The pages of a platform on which a seller signs in and grants an app access, or refuses."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from flask import Flask, redirect, render_template, request

COOKIE = "signed_in"


class Door:
    """Shows the consent page, after a sign-in if a test asked for one (`POST /_control/sign-in {"wanted": true}`)."""

    def __init__(self, app: Flask) -> None:
        """Add the sign-in page."""
        self._wanted = False

        @app.post("/_control/sign-in")
        def switch() -> Any:
            self._wanted = bool(request.get_json()["wanted"])
            return {"wanted": self._wanted}

        @app.route("/_sign-in", methods=["GET", "POST"])
        def sign_in() -> Any:
            if request.method == "GET":
                return render_template("grant/sign_in.html")
            to = request.args.get("to", "/")
            answer = redirect(to if to.startswith("/") else "/")
            answer.set_cookie(COOKIE, "yes", httponly=True, samesite="Lax")
            return answer

    def closed(self) -> Any:
        """Return a redirect to the sign-in page; None if signed in."""
        if not self._wanted or COOKIE in request.cookies:
            return None
        return redirect(f"/_sign-in?{urlencode({'to': request.full_path})}")

    def ask(self, app_name: str, answers: dict[str, str], *, links: dict[str, str] | None = None) -> Any:
        """Return the page. `answers`: word → text of its button.

        A button posts `word=…` to the page's own address; if `links` has the word, the button is a link instead.
        """
        return self.closed() or render_template("grant/ask.html", app_name=app_name, answers=answers, links=links or {})
