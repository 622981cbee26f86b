"""Magento's own errors among its answers."""

from __future__ import annotations

import re
from http import HTTPStatus
from typing import Any

GONE = re.compile(
    r"(the (product|entity) that was requested doesn't exist|requested (product|entity) doesn't exist|no such entity)",
    re.IGNORECASE,
)
#: Errors about the call, not about the keys or an object.
TRANSIENT = re.compile(
    r"(request does not match any route|specified request cannot be processed|nonce|timestamp|internal error"
    r"|too many requests|maintenance|temporarily unavailable|deadlock|lock wait timeout"
    # a product whose row in the stock index is being rebuilt
    r"|sku is not assigned to given stock)",
    re.IGNORECASE,
)
KEYS = re.compile(
    r"(consumer isn't authorized|isn't authorized to access|signature is invalid|consumer (key )?has expired"
    r"|consumer having the specified key does not exist|token (has been|was) (rejected|revoked)|token_rejected"
    r"|specified token does not exist|token is not (an access token|associated with the specified consumer)"
    r"|consumer key is not the correct length|token length is invalid)",
    re.IGNORECASE,
)
#: Generic messages that gateways also send as JSON.
REASONS = {one.phrase.lower() for one in HTTPStatus} | {"missing authentication token"}
TODO = "Open System > Integrations in Magento, check what the integration may access, and reauthorize it."


def named(said: Any) -> dict[str, Any]:
    """Return the parameters of an error by name; a list is numbered."""
    parameters = said.get("parameters")
    if isinstance(parameters, dict):
        return {str(name): part for name, part in parameters.items()}
    return {str(n): part for n, part in enumerate(parameters, 1)} if isinstance(parameters, list) else {}


def filled(said: Any) -> str:
    """Return Magento's message with its placeholders replaced by the parameters."""
    text = str(said["message"])
    for name, part in named(said).items():
        text = text.replace(f"%{name}", str(part)[:100])
    return text
