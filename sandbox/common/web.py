"""The Flask application that each stand-in starts with: static files, templates and name."""

from __future__ import annotations

import os
from pathlib import Path

from flask import Flask, Response
from jinja2 import ChoiceLoader, FileSystemLoader

HERE = Path(__file__).parent


def application(name: str, own: Path, *, title: str, words: str) -> Flask:
    """Return an application with the common base template and the templates beside `own`."""
    app = Flask(name, static_folder=str(HERE / "static"), static_url_path="/static")
    app.jinja_loader = ChoiceLoader([FileSystemLoader(own / "templates"), FileSystemLoader(HERE / "templates")])
    if mark := os.environ.get("SANDBOX_INSTANCE"):

        @app.after_request
        def name_instance(response: Response) -> Response:
            """Name the instance in each response, for whoever started it."""
            response.headers["Stand-In-Instance"] = mark
            return response

    app.context_processor(lambda: {"stand_in": {"name": title, "words": words}})
    return app
