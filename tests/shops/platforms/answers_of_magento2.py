"""What a Magento answers instead of REST V1's own: missing routes, renamed views, its own crashes, and gateways."""

from __future__ import annotations

from typing import Any

from tests.shops.platforms.answers_table import Row


def _error(status: int, message: str, **more: Any) -> Row:
    return Row(f"{status} {message}"[:60], {"status": status, "body": {"message": message, **more}})


ROWS = [
    _error(404, "Request does not match any route."),
    _error(404, "Wniosek nie odpowiada żadnej ścieżce."),
    _error(404, "Das angeforderte Produkt existiert nicht."),
    _error(400, "Specified request cannot be processed."),
    _error(400, "Request does not match any route."),
    _error(401, "The nonce is already being used by the consumer with ID 3."),
    _error(401, "The timestamp value in the oauth_timestamp parameter is invalid."),
    _error(401, "Unauthorized"),
    _error(403, "The entity that was requested doesn't exist. Verify the entity and try again."),
    _error(404, "No such entity.", ray="8f1c2d"),
    _error(500, "Internal Error. Details are available in Magento log file. Report ID: webapi-6"),
    _error(500, "SQLSTATE[40001]: Serialization failure: 1213 Deadlock found when trying to get lock"),
    _error(400, "Database deadlock found when trying to get lock"),
    _error(503, "Service Temporarily Unavailable"),
    _error(200, "Request does not match any route."),
    Row("404 messages of the old SOAP", {"status": 404, "body": {"messages": {"error": [{"code": 404}]}}}),
    Row("200 a list without rows", {"status": 200, "body": {"items": "none", "total_count": 1}}),
    Row("302 to the store's front page", {"status": 302, "page": "empty", "headers": {"Location": "/"}}),
]
