"""What frameworks, gateways and half-made programs of a seller answer instead of what docs/custom-store.md asks for."""

from __future__ import annotations

from typing import Any

from tests.shops.platforms.answers_table import Row


def _said(status: int, body: Any) -> Row:
    return Row(f"{status} {body}"[:60], {"status": status, "body": body})


ROWS = [
    _said(401, {"detail": "Authentication credentials were not provided."}),
    _said(401, {"error": "Unauthorized.", "statusCode": 401}),
    _said(401, {"message": "Missing Authentication Token"}),
    _said(403, {"error": "error code: 1020"}),
    _said(403, {"error": {"code": 403, "message": "Forbidden"}}),
    _said(403, {"error": True}),
    _said(403, {}),
    _said(404, {"detail": "Not Found"}),
    _said(404, {"timestamp": "2026-11-02T12:00:00Z", "status": 404, "error": "Not Found", "path": "/reverbsync"}),
    _said(404, {"error": ""}),
    _said(404, {"message": "no such variant"}),
    _said(409, {}),
    _said(409, {"stock": None}),
    _said(409, {"stock": "some"}),
    _said(409, []),
    _said(422, {"detail": [{"loc": ["body", "data"], "msg": "field required"}]}),
    _said(422, {"errors": {"data": ["The data field is required."]}}),
    _said(500, {"error": "no such variant"}),
    _said(503, {"error": "maintenance"}),
    _said(202, "queued"),
    _said(202, ["queued"]),
    Row("204 nothing", {"status": 204, "page": "empty"}),
    Row("302 to a login", {"status": 302, "body": {"error": "sign in"}, "headers": {"Location": "/login"}}),
    Row("308 to https", {"status": 308, "page": "empty", "headers": {"Location": "https://www.guitars.test/hook"}}),
]
