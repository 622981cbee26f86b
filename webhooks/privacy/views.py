"""A shop's data in its owner's hands: export all of it, or have all of it deleted."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps

from django.contrib import messages
from django.http import HttpRequest, HttpResponseBase, StreamingHttpResponse
from django.shortcuts import redirect, render
from django.utils.text import slugify
from django.views.decorators.http import require_POST, require_safe

from shops import lifecycle
from shops.access import for_members, owns
from shops.models import Person, Shop
from webhooks.privacy import export


def _for_owners(
    view: Callable[[HttpRequest, Shop], HttpResponseBase],
) -> Callable[[HttpRequest, Shop], HttpResponseBase]:
    """Admit owners only; other members see the reason."""

    @wraps(view)
    def guarded(request: HttpRequest, shop: Shop) -> HttpResponseBase:
        assert isinstance(request.user, Person)  # noqa: S101 -- for_members has seen to it
        if not owns(request.user, shop):
            return render(request, "privacy/page.html", {"shop": shop, "owner": False}, status=403)
        return view(request, shop)

    return guarded


@require_safe
@for_members
@_for_owners
def data(request: HttpRequest, shop: Shop) -> HttpResponseBase:
    """Show what an owner can do with the shop's data."""
    return render(request, "privacy/page.html", {"shop": shop, "owner": True})


@require_POST
@for_members
@_for_owners
def download(request: HttpRequest, shop: Shop) -> HttpResponseBase:
    """Stream all data as one file."""
    answer = StreamingHttpResponse(export.document(shop), content_type="application/json")
    answer["Content-Disposition"] = f'attachment; filename="{slugify(shop.name) or "shop"}.json"'
    answer["Cache-Control"] = "no-store"
    return answer


@require_POST
@for_members
@_for_owners
def delete(request: HttpRequest, shop: Shop) -> HttpResponseBase:
    """Delete the shop if its name was typed, which prevents accidents."""
    if request.POST.get("name", "").strip() != shop.name:
        words = "Type the shop's name exactly as it is written, so that nobody deletes it by mistake."
        return render(request, "privacy/page.html", {"shop": shop, "owner": True, "problem": words}, status=422)
    lifecycle.ask_to_delete(shop)
    messages.success(request, f"“{shop.name}” syncs no more. Its data is being deleted.")
    return redirect("/")
