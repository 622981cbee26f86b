"""What a WordPress answers instead of wc/v3: its own "no route", and plug-ins that close the REST API."""

from __future__ import annotations

from typing import Any

from tests.shops.platforms.answers_table import Row


def _error(status: int, code: str, message: str = "Sorry.", **data: Any) -> Row:
    body = {"code": code, "message": message, "data": {"status": status, **data}}
    return Row(f"{status} {code}", {"status": status, "body": body})


ROWS = [
    _error(404, "rest_no_route", "No route was found matching the URL and request method."),
    _error(503, "woocommerce_rest_product_invalid_id", "Invalid ID."),
    _error(404, "woocommerce_rest_term_invalid", "Resource does not exist."),
    _error(404, "rest_post_invalid_id", "Invalid post ID."),
    _error(404, "rest_user_invalid_id"),
    _error(401, "rest_forbidden", "Sorry, you are not allowed to do that."),
    _error(403, "rest_forbidden"),
    _error(401, "rest_not_logged_in", "You are not currently logged in."),
    _error(401, "rest_login_required", "REST API restricted to authenticated users."),
    _error(401, "rest_cannot_access", "DRA: Only authenticated users can access the REST API."),
    _error(403, "rest_disabled", "The REST API on this site has been disabled."),
    _error(401, "itsec_rest_api_access_restricted", "You do not have sufficient permission to access this endpoint."),
    _error(403, "forbidden", "Blocked by security plug-in."),
    _error(403, "rest_cookie_invalid_nonce", "Cookie check failed"),
    _error(400, "rest_invalid_json", "Invalid JSON body passed."),
    _error(500, "internal_server_error", "<p>There has been a critical error on this website.</p>"),
    _error(503, "maintenance", "Briefly unavailable for scheduled maintenance."),
    _error(200, "rest_no_route"),
    Row("404 a code that is a number", {"status": 404, "body": {"code": 404, "message": "Not found"}}),
    Row("404 a list", {"status": 404, "body": [{"code": "woocommerce_rest_product_invalid_id"}]}),
    Row("302 wp-login", {"status": 302, "page": "login", "headers": {"Location": "/wp-login.php?reauth=1"}}),
]
