"""Pages of the shops app: a person's shops, one shop, its connections and its settings."""

from __future__ import annotations

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_safe

from shops import lifecycle, recheck, reverb_connection
from shops.access import PAGE, for_members, shops_of
from shops.connection_status import page_context
from shops.forms import ShopForm
from shops.live_page import live_page
from shops.models import Person, Shop
from shops.settings_form import SettingsForm


@require_safe
@login_required
def index(request: HttpRequest) -> HttpResponse:
    """List the person's shops; redirect to the only one."""
    assert isinstance(request.user, Person)  # noqa: S101 -- login_required has seen to it
    shops = list(shops_of(request.user))
    if len(shops) == 1:
        return redirect("shops:overview", shops[0].pk)
    return render(request, "shops/index.html", {"shops": shops})


@require_http_methods(PAGE)
@login_required
def new(request: HttpRequest) -> HttpResponse:
    """Create a shop."""
    assert isinstance(request.user, Person)  # noqa: S101 -- login_required has seen to it
    form = ShopForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        shop = lifecycle.create_shop(request.user, form.cleaned_data["name"])
        return redirect("shops:overview", shop.pk)
    return render(request, "shops/new.html", {"form": form})


@require_safe
@for_members
def overview(request: HttpRequest, shop: Shop) -> HttpResponse:
    """Show what is connected, what waits, and recent events. For htmx, return only the part that refreshes."""
    context = page_context(shop) | {"settings": shop.sync_settings, "part": "shops/_overview_state.html"}
    return live_page(request, "shops/overview.html", context)


@require_http_methods(PAGE)
@for_members
def settings(request: HttpRequest, shop: Shop) -> HttpResponse:
    """Edit the sync settings."""
    form = SettingsForm(request.POST or None, instance=shop.sync_settings, lists=reverb_connection.lists_of(shop))
    if request.method == "POST" and form.is_valid():
        form.save()
        recheck.look_again(shop)
        messages.success(request, "Saved.")
        return redirect("shops:settings", shop.pk)
    return render(request, "shops/settings.html", {"shop": shop, "form": form})
