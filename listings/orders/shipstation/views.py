"""The page that connects a shop to ShipStation: a custom store with a generated password, or keys for its webhook."""

from __future__ import annotations

import secrets

from django import forms
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.cache import add_never_cache_headers
from django.views.decorators.http import require_POST, require_safe
from pydantic import SecretStr

from listings.orders.shipstation.client import ShipStationClient, ShipStationError
from shops.access import for_members
from shops.models import ShipStation, Shop


class KeysForm(forms.Form):
    """The API key and secret that the seller pastes."""

    api_key = forms.CharField(
        label="API key", max_length=200, widget=forms.PasswordInput(attrs={"autocomplete": "off"})
    )
    api_secret = forms.CharField(
        label="API secret", max_length=200, widget=forms.PasswordInput(attrs={"autocomplete": "off"})
    )


@require_safe
@for_members
def show(request: HttpRequest, shop: Shop) -> HttpResponse:
    """Show both ways and their state."""
    return _page(request, shop, KeysForm(label_suffix=""))


@require_POST
@for_members
def make_store(request: HttpRequest, shop: Shop) -> HttpResponse:
    """Generate user and password of the custom store, replacing earlier ones; they are shown only once."""
    password = secrets.token_urlsafe(24)
    ours, _ = ShipStation.objects.get_or_create(shop=shop)
    ours.user, ours.password = f"reverbsync-{shop.pk}", SecretStr(password)
    ours.save(update_fields=["user", "password"])
    # Shown in the response itself: no secret is stored in a session or a cookie.
    response = _page(request, shop, KeysForm(label_suffix=""), password=password)
    add_never_cache_headers(response)
    return response


@require_POST
@for_members
def keys(request: HttpRequest, shop: Shop) -> HttpResponse:
    """Verify pasted keys, save them, and register our webhook with ShipStation."""
    form = KeysForm(request.POST, label_suffix="")
    if not form.is_valid():
        return _page(request, shop, form)
    api_key, api_secret = (SecretStr(form.cleaned_data[name].strip()) for name in ("api_key", "api_secret"))
    ours, _ = ShipStation.objects.get_or_create(shop=shop)
    try:
        ours.hook_id = ShipStationClient(api_key, api_secret).keep_hook(ours.hook_address)
    except ShipStationError as error:
        form.add_error(None, str(error))
        return _page(request, shop, form)
    ours.api_key, ours.api_secret, ours.problem = api_key, api_secret, ""
    ours.save(update_fields=["api_key", "api_secret", "hook_id", "problem"])
    messages.success(request, "ShipStation calls us for each label that you make there.")
    return redirect("orders:shipstation", shop.pk)


@require_POST
@for_members
def remove(request: HttpRequest, shop: Shop, what: str) -> HttpResponse:
    """Delete the custom store's password, or the keys after removing their webhook."""
    ours = ShipStation.objects.filter(shop=shop).first()
    if ours is None or what not in ("store", "keys"):
        raise Http404
    if what == "store":
        ours.user, ours.password = "", SecretStr("")
    else:
        _drop_hook(ours)
        ours.api_key = ours.api_secret = SecretStr("")
        ours.hook_id = ours.problem = ""
    ours.save()
    messages.success(request, "Removed.")
    return redirect("orders:shipstation", shop.pk)


def _drop_hook(ours: ShipStation) -> None:
    """Remove our webhook at ShipStation; if that fails, its calls get a 404."""
    if ours.hook_id.isdecimal():
        try:
            ShipStationClient(ours.api_key, ours.api_secret).drop_hook(ours.hook_id)
        except ShipStationError:
            return


def _page(request: HttpRequest, shop: Shop, form: KeysForm, *, password: str = "") -> HttpResponse:
    ours = ShipStation.objects.filter(shop=shop).first()
    context = {
        "shop": shop,
        "shipstation": ours,
        "has_keys": bool(ours and ours.api_key.get_secret_value()),
        "form": form,
        "password": password,
        "settings": shop.sync_settings,
    }
    return render(request, "shipstation/page.html", context, status=422 if form.errors else 200)
