"""Middleware, the first one: a NUL in an address, a field or a cookie is refused with 400 before any page meets it.

PostgreSQL holds none in a text, so a look-up by one, or saving it, would fail in every place.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from django.http import HttpRequest, HttpResponseBase, QueryDict
from django.views.defaults import bad_request

from reverbsync.middleware import PATH

#: Name of the field in which lists are searched.
SEARCH = "q"
FORMS = frozenset({"application/x-www-form-urlencoded", "multipart/form-data"})


def readable(get_response: Callable[[HttpRequest], HttpResponseBase]) -> Callable[[HttpRequest], HttpResponseBase]:
    """Return a handler that lets only requests without one through."""

    def handle(request: HttpRequest) -> HttpResponseBase:
        if any("\0" in text for text in _texts(request)):
            return bad_request(request, ValueError("A NUL is part of the request."))
        return get_response(request)

    return handle


def _texts(request: HttpRequest) -> Iterator[str]:
    """Yield what the request says; of a form only where pages read it: a webhook's body is its own matter."""
    yield request.path_info
    yield from request.COOKIES.values()
    yield from _parts(request.GET)
    if request.content_type in FORMS and not request.path_info.startswith(PATH):
        yield from _parts(request.POST)


def _parts(query: QueryDict) -> Iterator[str]:
    """Yield names and values, but for the words of a search: its page finds what it can."""
    for name, values in query.lists():
        if name != SEARCH:
            yield name
            yield from values
