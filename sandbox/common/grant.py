"""The pages of a platform on which a seller signs in and lets an app in, or not."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from flask import Flask, redirect, render_template, request

COOKIE = "signed_in"


class Door:
    """Shows the question, after a sign-in where a test asked for one (`POST /_control/sign-in {"wanted": true}`)."""

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
        """Return the way to the sign-in page, None for who is signed in."""
        if not self._wanted or COOKIE in request.cookies:
            return None
        return redirect(f"/_sign-in?{urlencode({'to': request.full_path})}")

    def ask(self, app_name: str, answers: dict[str, str], *, links: dict[str, str] | None = None) -> Any:
        """Return the page. `answers`: word → what is written on its button.

        A press posts `word=…` to the page's own address; where `links` has the word, it is a link to there instead.
        """
        return self.closed() or render_template("grant/ask.html", app_name=app_name, answers=answers, links=links or {})
