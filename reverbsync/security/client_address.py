"""Middleware that finds the client's address behind the operator's proxies.

Each proxy appends the address that called it to X-Forwarded-For. So the last entries come from the operator's proxies,
and all before them from the caller. The client is the first of the last `TRUSTED_PROXY_COUNT` entries.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest, HttpResponseBase

_WITH_PORT = re.compile(r"\[(.*)\](?::\d+)?|([\d.]+):\d+")


def real_address(get_response: Callable[[HttpRequest], HttpResponseBase]) -> Callable[[HttpRequest], HttpResponseBase]:
    """Return a handler that sets REMOTE_ADDR to the client's address, which rate limits and logs use."""

    def handle(request: HttpRequest) -> HttpResponseBase:
        found = person(request.headers.get("X-Forwarded-For", ""), proxies=settings.TRUSTED_PROXY_COUNT)
        if found:
            request.META["REMOTE_ADDR"] = found
        return get_response(request)

    return handle


def person(forwarded: str, *, proxies: int) -> str:
    """Return the address that called the outermost of our proxies; "" if the header does not say.

    With fewer entries than proxies the call did not pass all of them, so the header is not trusted.
    """
    hops = [hop.strip() for hop in forwarded.split(",")]
    if not proxies or len(hops) < proxies:
        return ""
    hop = hops[-proxies]
    if (parts := _WITH_PORT.fullmatch(hop)) is not None:
        hop = parts[1] or parts[2]
    try:
        return str(ipaddress.ip_address(hop))
    except ValueError:
        return ""
