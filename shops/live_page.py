"""Pages whose part refreshes itself."""

from __future__ import annotations

import hashlib
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.template.loader import render_to_string
from django.utils.cache import patch_vary_headers


def is_htmx(request: HttpRequest) -> bool:
    """Return whether htmx made the request, for a part of a page."""
    return bool(getattr(request, "htmx", False))


def live_page(request: HttpRequest, page: str, context: dict[str, Any]) -> HttpResponse:
    """Render a page whose `part` polls itself, or that part alone: 204 if it still matches `seen`."""
    shown = render_to_string(context["part"], context, request)
    context["seen"] = hashlib.sha256(shown.encode()).hexdigest()[:16]
    if is_htmx(request) and request.GET.get("seen") == context["seen"]:
        response = HttpResponse(status=204)
    else:
        response = render(request, "shops/_living.html" if is_htmx(request) else page, context)
    patch_vary_headers(response, ["HX-Request"])
    return response
