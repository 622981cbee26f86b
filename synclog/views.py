"""The sync log of a shop: one view for the page and for the rows that htmx replaces."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.cache import patch_vary_headers
from django.views.decorators.http import require_safe

from shops.access import for_members
from shops.models import Shop
from synclog import browse
from synclog.models import Entry

LATEST = 6


@require_safe
@for_members
def latest(request: HttpRequest, shop: Shop) -> HttpResponse:
    """Show the newest few entries, as a part of another page."""
    entries = browse.page(shop, browse.Filters()).entries[:LATEST]
    return render(request, "synclog/_latest.html", {"shop": shop, "entries": entries})


@require_safe
@for_members
def log(request: HttpRequest, shop: Shop) -> HttpResponse:
    """Show a page of entries. For htmx, return the rows alone."""
    filters = browse.Filters.read(request.GET)
    page = browse.page(
        shop,
        filters,
        before=browse.key(request.GET.get("before", "")),
        after=browse.key(request.GET.get("after", "")),
    )
    at_top = not ({"before", "after"} & set(request.GET))
    template = "synclog/_rows.html" if getattr(request, "htmx", False) else "synclog/log.html"
    context = {
        "shop": shop,
        "page": page,
        "filters": filters,
        "outcomes": Entry.Outcome.choices,
        "at_top": at_top,
    }
    response = render(request, template, context)
    patch_vary_headers(response, ["HX-Request"])
    return response
