"""First middleware: rejects a NUL in a path, field or cookie with 400 before any view runs.

PostgreSQL cannot store NUL in text, so every query or save with one would fail.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from django.http import HttpRequest, HttpResponseBase, QueryDict
from django.views.defaults import bad_request

from reverbsync.middleware import PATH

#: Name of the search field of lists.
SEARCH = "q"
FORMS = frozenset({"application/x-www-form-urlencoded", "multipart/form-data"})


def readable(get_response: Callable[[HttpRequest], HttpResponseBase]) -> Callable[[HttpRequest], HttpResponseBase]:
    """Return a handler that passes on only requests without NUL."""

    def handle(request: HttpRequest) -> HttpResponseBase:
        if any("\0" in text for text in _texts(request)):
            return bad_request(request, ValueError("A NUL is part of the request."))
        return get_response(request)

    return handle


def _texts(request: HttpRequest) -> Iterator[str]:
    """Yield the texts of a request; form fields only where pages read them, as webhook bodies are handled elsewhere."""
    yield request.path_info
    yield from request.COOKIES.values()
    yield from _parts(request.GET)
    if request.content_type in FORMS and not request.path_info.startswith(PATH):
        yield from _parts(request.POST)


def _parts(query: QueryDict) -> Iterator[str]:
    """Yield names and values except search terms, which their page handles."""
    for name, values in query.lists():
        if name != SEARCH:
            yield name
            yield from values
