"""Answers that come instead of a store's own, as rows for `test_answers.py`: a status, and a body, page or headers.

COMMON holds what anything between us and a store sends: CDNs, firewalls, proxies, maintenance modes. None of it
says anything about a product, an order or keys, so on every platform all of it is "later". A platform's own odd answers
stand in `answers_of_<kind>.py` beside this file, as ROWS.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from typing import Any


@dataclass(frozen=True)
class Row:
    """One answer: the fields of a `status` fault (sandbox/common/faults.py)."""

    name: str
    fault: dict[str, Any]

    def __str__(self) -> str:
        return self.name


def _page(status: int, page: str) -> Row:
    return Row(f"{status} {page}", {"status": status, "page": page})


def _said(status: int, body: Any) -> Row:
    return Row(f"{status} {body}"[:60], {"status": status, "body": body})


def _raw(status: int, raw: str, name: str) -> Row:
    return Row(f"{status} {name}", {"status": status, "raw": raw})


def _leads(status: int, to: str) -> Row:
    return Row(f"{status} to {to}", {"status": status, "page": "empty", "headers": {"Location": to}})


COMMON = [
    # Pages with every status that one was seen with.
    *[_page(status, "cloudflare") for status in (200, 400, 401, 403, 404, 409, 422, 503, 520, 525)],
    *[_page(status, "nginx") for status in (402, 405, 406, 410, 412, 500, 502, 504)],
    *[_page(status, "apache") for status in (401, 403, 418, 451, 508)],
    *[_page(200, name) for name in ("login", "maintenance", "php")],
    _page(404, "theme"),
    _page(503, "maintenance"),
    *[_page(status, "empty") for status in (401, 403, 404, 503)],
    # Redirects: to another host, to a login, to nowhere.
    *[_leads(status, "https://www.guitars.test/") for status in (301, 307, 308)],
    _leads(302, "/login?redirect_to=%2F"),
    _leads(302, "//[broken"),
    # JSON that is not the platform's.
    _said(403, {"message": "Forbidden"}),
    _said(401, {"error": "Unauthorized"}),
    _said(404, {"message": "no Route matched with those values"}),
    _said(404, {"error": "Not Found", "path": "/"}),
    _said(404, []),
    _said(405, {"message": "Method Not Allowed"}),
    _said(409, {"message": "Conflict"}),
    _said(400, {"error": "Bad Request"}),
    _said(410, {"gone": True}),
    _said(503, {"message": "Service Unavailable"}),
    # Bodies that break off, or are something else.
    _raw(200, '[{"id": 1, "na', "JSON that breaks off"),
    _raw(200, "<br />\n<b>Warning</b>:  Undefined array key 1 on line <b>7</b><br />\n[]", "a warning before JSON"),
    _raw(200, "\udcff\udcfe\udc00\udc00", "bytes that are no text"),
    _raw(200, "[" * 5_000, "JSON that is nested without end"),
]

#: Bodies of a 200 that are JSON, but not what was asked for. Not of every call: some take any answer for a success.
ODD_SUCCESS = [
    _said(200, {"message": "Please wait"}),
    _said(200, "ok"),
    _said(200, True),
    _said(200, 0),
    _said(200, [[]]),
    _raw(200, "null", "null"),
    _raw(200, "", "nothing"),
    _raw(200, "{}", "an empty object"),
]


def own_rows(kind: str) -> list[Row]:
    """Return a platform's own odd answers."""
    name = f"tests.shops.platforms.answers_of_{kind}"
    rows: list[Row] = import_module(name).ROWS if find_spec(name) else []
    return rows
