"""A connection that began on the platform: the person chooses the shop."""

from __future__ import annotations

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_http_methods

from reverbsync import clock
from shops import lifecycle
from shops.access import shops_of
from shops.connect import pending
from shops.connect.arrivals import connect_once, say_connected
from shops.connect.pages import declined_page
from shops.models import PendingConnection, Person, Shop
from shops.platforms import PLATFORMS
from shops.platforms.handshake import Declined
from shops.platforms.values import Keys


@require_http_methods(["GET", "HEAD", "POST"])
@login_required
def choose_shop(request: HttpRequest, state: str) -> HttpResponse:
    """Let a person choose the shop of a store, or create a new one."""
    fresh = PendingConnection.objects.filter(used_at=None, made_at__gt=clock.now() - pending.LIVES, shop=None)
    row = get_object_or_404(fresh.exclude(kept=""), state=state)
    person, problem = _person(request), ""
    shops = list(shops_of(person).select_related("store"))
    if request.method == "POST":
        chosen = request.POST.get("shop", "")
        shop = next((one for one in shops if str(one.pk) == chosen), None)
        if shop is None and chosen == "new":
            shop = lifecycle.create_shop(person, row.address[:120])
        if shop is not None:
            return _connect_chosen(request, row, shop)
        problem = "Choose one of your shops, or a new one."
    context = {
        "pending": row,
        "platform": PLATFORMS[row.platform],
        "shops": shops,
        "first": _shop_that_began(request, row, shops),
        "problem": problem,
    }
    return render(request, "connect/choose.html", context, status=400 if problem else 200)


def _connect_chosen(request: HttpRequest, row: PendingConnection, shop: Shop) -> HttpResponse:
    kept = pending.kept(row)
    try:
        store = connect_once(row, shop, row.address, Keys(kept["token"], kept["secret"]))
    except Declined as declined:
        return declined_page(request, str(declined), status=400)
    say_connected(request, store)
    return redirect("shops:store", shop.pk)


def _shop_that_began(request: HttpRequest, row: PendingConnection, shops: list[Shop]) -> int | str:
    """Return the shop that has this store, or that began the connection in this browser; else the first."""
    for shop in shops:
        store = getattr(shop, "store", None)
        if store is not None and (store.platform, store.address) == (row.platform, row.address):
            return shop.pk
    begun = PendingConnection.objects.filter(state__in=pending.states(request), platform=row.platform)
    found = begun.filter(shop__in=shops).order_by("-made_at").values_list("shop_id", flat=True).first()
    return found or (shops[0].pk if shops else "new")


def _person(request: HttpRequest) -> Person:
    assert isinstance(request.user, Person)  # noqa: S101 -- login_required has seen to it
    return request.user
