"""What the pages of a handshake share."""

from __future__ import annotations

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render

from shops.models import Person
from shops.platforms import PLATFORMS
from shops.platforms.handshake import (
    Handshake,
)


def handshake_of(kind: str) -> Handshake:
    """Return a platform's handshake. Raise Http404 if it has none."""
    found = PLATFORMS[kind].handshake if kind in PLATFORMS else None
    if found is None:
        raise Http404("There is no such way to connect.")
    return found


def person_or_none(request: HttpRequest) -> Person | None:
    """Return the signed-in person, None if nobody is."""
    return request.user if isinstance(request.user, Person) else None


def on_our_page(request: HttpRequest, path: str) -> HttpResponse:
    """Redirect to a page of ours; inside a store's frame, where our session is unavailable, show a link."""
    if _framed(request):
        return render(request, "connect/leave_frame.html", {"address": settings.SITE_URL + path})
    return HttpResponseRedirect(path)


def _framed(request: HttpRequest) -> bool:
    return request.headers.get("Sec-Fetch-Dest") == "iframe"


def declined_page(request: HttpRequest, words: str, *, status: int) -> HttpResponse:
    """Return a page that says why nothing was connected."""
    context = {"words": words, "home": f"{settings.SITE_URL}/", "framed": _framed(request)}
    return render(request, "connect/declined.html", context, status=status)
