"""Middleware that dispatches webhooks and health checks directly, without session, auth, CSRF or CSP.

Webhooks need none of these, and they cost as much as saving the delivery (docs/performance.md). Load balancers and
containers call health checks by addresses such as 10.0.0.5:8000, which are not in ALLOWED_HOSTS.
"""

from __future__ import annotations

from collections.abc import Callable

from django.http import HttpRequest, HttpResponseBase, JsonResponse, UnreadablePostError
from django.urls import resolve

from reverbsync import health

#: Path prefix of webhooks, and their URLconf (see reverbsync/urls.py).
PATH, ADDRESSES = "/webhooks/", "webhooks.urls"


def skip_browser_middleware(
    get_response: Callable[[HttpRequest], HttpResponseBase],
) -> Callable[[HttpRequest], HttpResponseBase]:
    """Return a handler with the short path."""

    def handle(request: HttpRequest) -> HttpResponseBase:
        if (view := health.ADDRESSES.get(request.path_info)) is not None:
            return view(request)
        if not request.path_info.startswith(PATH):
            return get_response(request)
        match = resolve(request.path_info[len(PATH) - 1 :], ADDRESSES)
        if not getattr(match.func, "csrf_exempt", False):
            return get_response(request)
        try:
            answer: HttpResponseBase = match.func(request, *match.args, **match.kwargs)
        except UnreadablePostError:
            return JsonResponse({"error": "The body did not arrive in time."}, status=408)
        return answer

    return handle
