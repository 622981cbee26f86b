"""The control panel, where apps are installed and opened in a frame (docs: "App installation and auth").

A test sets the app's address, as in the developer portal: `POST /_control/app` with `base`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

from flask import Flask, abort, redirect, render_template, request

from sandbox.common.grant import Door
from sandbox.common.keep import Doc
from sandbox.common.store import Stores

#: Returns the query of an installation, or of a signed visit, for a store.
Query = Callable[[str], Doc]


def routes(app: Flask, stores: Stores, *, install: Query, visit: Query) -> None:
    """Add the app's marketplace page, and the frame in which the app runs."""
    door = Door(app)

    @app.route("/manage/apps", methods=["GET", "POST"])
    def apps() -> Any:
        if request.method == "GET":
            return door.ask("ReverbSync", {"install": "Confirm", "cancel": "Cancel"}, links={"cancel": "/"})
        return redirect("/manage/apps/auth")

    @app.get("/manage/apps/<step>")
    def frame(step: str) -> Any:
        known = stores.keep.get("app", "app") or abort(404)
        query = {"auth": install, "load": visit}.get(step) or abort(404)
        found = urlencode(query(stores.shops()[0]["domain"]))
        return render_template("grant/frame.html", address=f"{known['base']}{step}/?{found}")
