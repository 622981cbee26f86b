"""A shop's webhooks that were put aside: their number, the reasons, and a retry."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_POST, require_safe

from shops.access import for_members
from shops.models import Shop
from webhooks import failed_deliveries
from webhooks.batches import replay

#: Number of webhooks listed; the count includes all.
SHOWN = 10


@require_safe
@for_members
def show(request: HttpRequest, shop: Shop) -> HttpResponse:
    """Show what was put aside, as part of another page or as its own page."""
    found = failed_deliveries.aside(shop.pk)
    context = {"shop": shop, "aside": found.defer("body")[:SHOWN], "count": found.count()}
    template = "dead_letters/_page.html" if request.headers.get("HX-Request") else "dead_letters/page.html"
    return render(request, template, context)


@require_POST
@for_members
def retry(request: HttpRequest, shop: Shop) -> HttpResponse:
    """Retry all of them."""
    count = replay(failed_deliveries.aside(shop.pk))
    messages.success(request, f"Trying {count} webhook{'' if count == 1 else 's'} again.")
    return redirect("shops:store", shop.pk)


@require_POST
@for_members
def dismiss(request: HttpRequest, shop: Shop) -> HttpResponse:
    """Dismiss them: the seller has dealt with it."""
    failed_deliveries.dismiss(shop.pk)
    messages.success(request, "Dismissed.")
    return redirect("shops:store", shop.pk)
