"""A shop's webhooks that were put aside: how many, why, and another try."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_POST, require_safe

from shops.access import for_members
from shops.models import Shop
from webhooks import inbox
from webhooks.batches import replay

#: So many are named; the count is of all.
SHOWN = 10


@require_safe
@for_members
def show(request: HttpRequest, shop: Shop) -> HttpResponse:
    """Show what was put aside, as a part of another page or by itself."""
    found = inbox.aside(shop.pk)
    context = {"shop": shop, "aside": found.defer("body")[:SHOWN], "count": found.count()}
    template = "put_aside/_page.html" if request.headers.get("HX-Request") else "put_aside/page.html"
    return render(request, template, context)


@require_POST
@for_members
def retry(request: HttpRequest, shop: Shop) -> HttpResponse:
    """Try all of them again."""
    count = replay(inbox.aside(shop.pk))
    messages.success(request, f"Trying {count} webhook{'' if count == 1 else 's'} again.")
    return redirect("shops:store", shop.pk)


@require_POST
@for_members
def dismiss(request: HttpRequest, shop: Shop) -> HttpResponse:
    """Forget them: the seller has seen to it."""
    inbox.dismiss(shop.pk)
    messages.success(request, "Dismissed.")
    return redirect("shops:store", shop.pk)
