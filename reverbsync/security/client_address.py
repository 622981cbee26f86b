"""Middleware: whose address is it, behind the operator's own proxies?

Each proxy appends the address that called it to X-Forwarded-For, so the last ones are the operator's own word and all
before them is the caller's. Of as many as there are proxies (`TRUSTED_PROXY_COUNT`) the first is the person's.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest, HttpResponseBase

_WITH_PORT = re.compile(r"\[(.*)\](?::\d+)?|([\d.]+):\d+")


def real_address(get_response: Callable[[HttpRequest], HttpResponseBase]) -> Callable[[HttpRequest], HttpResponseBase]:
    """Return a handler that puts the person's address in REMOTE_ADDR, where all that limits or logs looks for it."""

    def handle(request: HttpRequest) -> HttpResponseBase:
        found = person(request.headers.get("X-Forwarded-For", ""), proxies=settings.TRUSTED_PROXY_COUNT)
        if found:
            request.META["REMOTE_ADDR"] = found
        return get_response(request)

    return handle


def person(forwarded: str, *, proxies: int) -> str:
    """Return the address that the outermost of our proxies was called from, "" where the header does not say.

    With fewer entries than proxies the call did not come through all of them: then nothing in it is to be trusted.
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
