"""The pages of this room: a person's shops, one shop, its connections and its settings."""

from __future__ import annotations

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_safe

from shops import make
from shops.access import for_members, shops_of
from shops.forms import ReverbForm, SettingsForm, ShopForm, StoreForm
from shops.models import Person, ReverbConnection, Shop, StoreConnection
from shops.platforms import PLATFORMS
from shops.reverb.connect import PROBLEMS

PAGE = ["GET", "HEAD", "POST"]


@require_safe
@login_required
def index(request: HttpRequest) -> HttpResponse:
    """List the person's shops; the only one is opened at once."""
    assert isinstance(request.user, Person)  # noqa: S101 -- login_required has seen to it
    shops = list(shops_of(request.user))
    if len(shops) == 1:
        return redirect("shops:overview", shops[0].pk)
    return render(request, "shops/index.html", {"shops": shops})


@require_http_methods(PAGE)
@login_required
def new(request: HttpRequest) -> HttpResponse:
    """Make a shop."""
    assert isinstance(request.user, Person)  # noqa: S101 -- login_required has seen to it
    form = ShopForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        shop = make.shop(request.user, form.cleaned_data["name"])
        return redirect("shops:overview", shop.pk)
    return render(request, "shops/new.html", {"form": form})


@require_safe
@for_members
def overview(request: HttpRequest, shop: Shop) -> HttpResponse:
    """Show what is connected, what waits, and what happened last."""
    store = StoreConnection.objects.filter(shop=shop).first()
    connection = ReverbConnection.objects.filter(shop=shop).first()
    problem = PROBLEMS.get(connection.problem) if connection else None
    return render(
        request,
        "shops/overview.html",
        {
            "shop": shop,
            "store": store,
            "reverb": connection,
            "problem": problem,
            "settings": shop.sync_settings,
        },
    )


@require_http_methods(PAGE)
@for_members
def store(request: HttpRequest, shop: Shop) -> HttpResponse:
    """Connect the store, and show the address for its webhooks."""
    connection = StoreConnection.objects.filter(shop=shop).first()
    known = {"platform": connection.platform, "address": connection.address} if connection else None
    form = StoreForm(request.POST or None, initial=known)
    if request.method == "POST" and form.is_valid():
        make.connect_store(shop, **form.cleaned_data)
        messages.success(request, "Your store is connected. Now let it call the webhook address below.")
        return redirect("shops:store", shop.pk)
    platform = PLATFORMS[connection.platform if connection else "shopify"]
    return render(request, "shops/store.html", {"shop": shop, "form": form, "store": connection, "platform": platform})


@require_http_methods(PAGE)
@for_members
def reverb(request: HttpRequest, shop: Shop) -> HttpResponse:
    """Connect Reverb: the token is tried before it is kept."""
    connection = ReverbConnection.objects.filter(shop=shop).first()
    form = ReverbForm(request.POST or None)
    problem = PROBLEMS.get(connection.problem) if connection else None
    if request.method == "POST" and form.is_valid():
        account = make.connect_reverb(shop, form.cleaned_data["token"])
        if account.problem is None or account.problem.usable:
            messages.success(request, f"Connected to {account.shop_name or 'Reverb'}.")
            return redirect("shops:reverb", shop.pk)
        problem = account.problem
    context = {"shop": shop, "form": form, "reverb": connection, "problem": problem}
    return render(request, "shops/reverb.html", {**context, "token_page": PROBLEMS["token_refused"].link})


@require_http_methods(PAGE)
@for_members
def settings(request: HttpRequest, shop: Shop) -> HttpResponse:
    """Switch on and off what syncs."""
    form = SettingsForm(request.POST or None, instance=shop.sync_settings, lists=make.lists_of(shop))
    if request.method == "POST" and form.is_valid():
        form.save()
        make.look_again(shop)
        messages.success(request, "Saved.")
        return redirect("shops:settings", shop.pk)
    return render(request, "shops/settings.html", {"shop": shop, "form": form})
