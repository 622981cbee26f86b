"""Connect a store in a few clicks: the pages between the steps of a handshake.

The platform interprets each step (shops/platforms/handshake.py); this module acts on the result.
shops/connect/pending.py saves the state that connects the steps.
"""

from __future__ import annotations

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_POST, require_safe

from shops.access import for_members
from shops.connect import pending
from shops.connect.pages import declined_page, handshake_of
from shops.models import PendingConnection, Shop, StoreConnection
from shops.platforms import PLATFORMS
from shops.platforms.handshake import Pending, base_of


@require_POST
@for_members
def begin(request: HttpRequest, shop: Shop, kind: str) -> HttpResponse:
    """Begin to connect a shop's store; redirect to the store, or show what to enter there."""
    handshake = handshake_of(kind)
    if not handshake.is_offered:
        raise Http404("There is no such way to connect.")
    address = ""
    if handshake.asks_address:
        try:
            address = PLATFORMS[kind].read_address(request.POST.get("address", ""))
        except ValueError as error:
            messages.error(request, str(error))
            return redirect("shops:store_with", shop.pk, kind)
    made = pending.begin(request, shop, kind, address)
    return redirect("connect_go", made.state)


@require_safe
@login_required
def go(request: HttpRequest, state: str) -> HttpResponse:
    """Lead on to the store, or show what to enter there and the progress."""
    row = pending.begun_here(request, state)
    platform = PLATFORMS[row.platform]
    if _is_connected(row):
        return _at_store(request, row.shop_id)
    if not (pending.is_fresh(row) or pending.is_tried(row)):
        return declined_page(request, row.problem or pending.EXPIRED, status=410)
    first = handshake_of(row.platform).begin(Pending(row.state, row.address, pending.kept(row)), base_of(row.platform))
    if isinstance(first, str):
        used = row.used_at is not None
        return _at_store(request, row.shop_id) if used else pending.lead_on(request, first, platform.name)
    context = {"shop": row.shop, "pending": row, "platform": platform, "sheet": first}
    part = bool(getattr(request, "htmx", False))
    return render(request, "connect/_sheet_state.html" if part else "connect/handshake.html", context)


def _is_connected(row: PendingConnection) -> bool:
    """Return whether a connection succeeded: its keys are tested first, which may take long."""
    if row.used_at is None or row.problem:
        return False
    return StoreConnection.objects.filter(shop=row.shop_id, platform=row.platform, removed_at=None).exists()


def _at_store(request: HttpRequest, shop_id: int | None) -> HttpResponse:
    """Redirect to the store's page, also from an htmx request."""
    address = reverse("shops:store", args=[shop_id])
    if getattr(request, "htmx", False):
        return HttpResponse(headers={"HX-Redirect": address})
    return HttpResponseRedirect(address)
