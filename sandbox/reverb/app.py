"""The stand-in Reverb as a web application: API, control addresses for tests, and pages for people."""

from __future__ import annotations

import os
from pathlib import Path

from flask import Flask

from sandbox.common import web
from sandbox.common.clock import Clock, dated
from sandbox.common.faults import Faults, Log
from sandbox.common.faults import control as faults_and_log
from sandbox.common.keep import Keep
from sandbox.common.sender import Sender
from sandbox.reverb import api, control, oauth, pages
from sandbox.reverb.market import Market
from sandbox.reverb.orders import Orders
from sandbox.reverb.webhooks import WebhookSender


def build(folder: Path | None, url: str, *, clock: Clock | None = None, sending: type[Sender] = Sender) -> Flask:
    """Return the application; `folder` stores its state (None: memory only), `url` is its own address.

    `clock` and `sending` (how webhooks are sent) are for callers that control the time, such as the simulation. With a
    `clock`, nothing happens in the background.
    """
    app = web.application(
        __name__,
        Path(__file__).parent,
        title="Stand-in Reverb",
        words="Not the real marketplace: a local copy of its rules, for trying things out.",
    )
    market, faults, log = Market(Keep(folder, "reverb"), clock or Clock(), url), Faults(), Log()
    orders, webhooks = Orders(market), WebhookSender(market, sending)
    dated(app, market.clock)
    app.register_blueprint(api.build(market, orders, faults, log))
    faults_and_log(app, faults, log)
    control.routes(app, market, orders, webhooks, faults=faults, log=log)
    pages.routes(app, market, orders)
    oauth.routes(app, market)
    if clock is None:
        control.go_on(market)
    return app


application = build(
    Path(os.environ["SANDBOX_DATA"]) if os.environ.get("SANDBOX_DATA") else None,
    os.environ.get("SANDBOX_URL", "http://127.0.0.1:8101").rstrip("/"),
)
