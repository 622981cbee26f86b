"""Pages of the shops app: a person's shops, one shop, its connections and its settings."""

from __future__ import annotations

import hashlib
from typing import Any

from django.conf import settings as site
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.template.loader import render_to_string
from django.utils.cache import add_never_cache_headers, patch_vary_headers
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from reverbsync import clock
from shops import connection_status, health, lifecycle
from shops.access import for_members, shops_of
from shops.connect import pending
from shops.forms import ReverbForm, SettingsForm, ShopForm, StoreForm
from shops.models import Person, ReverbConnection, Shop, StoreConnection, StoreHealth
from shops.platforms import PLATFORMS, Platform
from shops.platforms.values import StoreAuthError
from shops.reverb import hooks, limits
from shops.reverb.connect import PROBLEMS

PAGE = ["GET", "HEAD", "POST"]


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
        shop = lifecycle.shop(request.user, form.cleaned_data["name"])
        return redirect("shops:overview", shop.pk)
    return render(request, "shops/new.html", {"form": form})


@require_safe
@for_members
def overview(request: HttpRequest, shop: Shop) -> HttpResponse:
    """Show what is connected, what waits, and recent events. For htmx, return only the part that refreshes."""
    context = _connections(shop) | {"settings": shop.sync_settings, "part": "shops/_overview_state.html"}
    return _living(request, "shops/overview.html", context)


@require_safe
@for_members
def store(request: HttpRequest, shop: Shop) -> HttpResponse:
    """Show the store's connection or the platforms. For htmx, return only the part that refreshes."""
    context = _connections(shop) | {"platforms": PLATFORMS.values(), "part": "shops/_store_state.html"}
    if context["store"] is not None and context["store"].removed_at is None:
        return _living(request, "shops/store.html", context)
    if _is_htmx(request):
        return HttpResponse(headers={"HX-Refresh": "true"})
    return render(request, "shops/store.html", context)


def _connections(shop: Shop) -> dict[str, Any]:
    """Return the pages' context for both connections, and request checks of outdated ones."""
    store = StoreConnection.objects.filter(shop=shop).first()
    reverb = ReverbConnection.objects.filter(shop=shop).first()
    found = StoreHealth.objects.filter(shop=shop).first()
    problem = connection_status.problem_of(reverb)
    connection_status.look(store, found, reverb)
    return {
        "shop": shop,
        "store": store,
        "store_status": connection_status.of_store(store, found),
        "platform": PLATFORMS[store.platform] if store else None,
        "health": found,
        "silent": store is not None and health.is_silent(found, store.hooks_checked_at),
        "reverb": reverb,
        "reverb_status": connection_status.of_reverb(reverb),
        "throttle": limits.throttle_of(reverb) if reverb else None,
        "problem": problem,
        "link": problem.link_on(reverb.web_url) if problem and reverb else "",
    }


def _is_htmx(request: HttpRequest) -> bool:
    return bool(getattr(request, "htmx", False))


def _living(request: HttpRequest, page: str, context: dict[str, Any]) -> HttpResponse:
    """Render a page whose `part` polls itself, or that part alone: 204 if it still matches `seen`."""
    shown = render_to_string(context["part"], context, request)
    context["seen"] = hashlib.sha256(shown.encode()).hexdigest()[:16]
    if _is_htmx(request) and request.GET.get("seen") == context["seen"]:
        response = HttpResponse(status=204)
    else:
        response = render(request, "shops/_living.html" if _is_htmx(request) else page, context)
    patch_vary_headers(response, ["HX-Request"])
    return response


@require_http_methods(PAGE)
@for_members
def store_with(request: HttpRequest, shop: Shop, kind: str) -> HttpResponse:
    """Connect a store of one platform: by its handshake if it has one, always by pasted keys."""
    platform = PLATFORMS.get(kind)
    if platform is None:
        raise Http404("There is no such platform.")
    connection = StoreConnection.objects.filter(shop=shop, platform=kind).first()
    form = StoreForm(
        request.POST or None, platform=platform, initial={"address": connection.address} if connection else None
    )
    if request.method == "POST" and form.is_valid():
        wanted = {"platform": kind, "address": form.cleaned_data["address"], "keys": form.cleaned_data["keys"]}
        problem = _tried(shop, platform, wanted)
        if (
            problem and not platform.push_only
        ):  # a store that pushes need not answer, and does not know its new keys yet
            form.add_error(None, problem)
        else:
            lifecycle.connect_store(shop, **wanted)
            if platform.makes_keys:
                # In the response itself: no secret is stored in a session or a cookie.
                shown = {"shop": shop, "platform": platform, "store": shop.store, "keys": form.cleaned_data["keys"]}
                return never_cached(render(request, "connect/keys.html", shown))
            messages.success(request, "Your store is connected. Your products are being read now.")
            return redirect("shops:store", shop.pk)
    context = {
        "shop": shop,
        "form": form,
        "platform": platform,
        "handshake": platform.handshake,
        "failed": pending.last_problem(shop, kind) if request.method != "POST" else "",
    }
    return render(request, "shops/store_with.html", context)


def _tried(shop: Shop, platform: Platform, wanted: dict[str, Any]) -> str:
    """Return why the store does not answer with these keys, "" if it does."""
    try:
        return lifecycle.try_store(shop, **wanted)
    except StoreAuthError as error:
        return str(error)


def never_cached(response: HttpResponse) -> HttpResponse:
    """Return the response with headers that forbid caching."""
    add_never_cache_headers(response)
    return response


@require_POST
@for_members
def disconnect(request: HttpRequest, shop: Shop, side: str) -> HttpResponse:
    """Disconnect the store or Reverb; the log and the known products stay."""
    if side == "store":
        lifecycle.disconnect_store(shop)
        messages.success(request, "Your store is disconnected. Its webhooks are being removed, then its keys.")
    else:
        lifecycle.disconnect_reverb(shop)
        messages.success(request, "Reverb is disconnected, and its token is deleted here.")
    return redirect("shops:overview", shop.pk)


@require_http_methods(PAGE)
@for_members
def reverb(request: HttpRequest, shop: Shop) -> HttpResponse:
    """Connect Reverb: the token is checked before it is saved."""
    connection = ReverbConnection.objects.filter(shop=shop).first()
    form = ReverbForm(request.POST or None, initial={"sandbox": connection.sandbox if connection else False})
    problem = connection_status.problem_of(connection)
    sandbox = connection.sandbox if connection else False
    connection_status.look(None, None, connection)
    if request.method == "POST" and form.is_valid():
        sandbox = form.cleaned_data["sandbox"]
        account = lifecycle.connect_reverb(shop, form.cleaned_data["token"], sandbox=sandbox)
        if account.usable:
            messages.success(request, lifecycle.connected_words(shop, account))
            return redirect("shops:reverb", shop.pk)
        problem = account.problem
    web = site.REVERB_SANDBOX_WEB_URL if sandbox else site.REVERB_WEB_URL
    context = {
        "shop": shop,
        "form": form,
        "reverb": connection,
        "throttle": limits.throttle_of(connection) if connection else None,
        "status": connection_status.of_reverb(connection),
        "problem": problem,
        "link": problem.link_on(web) if problem else "",
        "token_page": PROBLEMS["token_refused"].link_on(web),
        "oauth": bool(site.REVERB_CLIENT_ID),
        "topics": hooks.WANTED,
        "refused": _by_words(connection.hooks.get("refused", {})) if connection else {},
        "orders_every": hooks.orders_every(connection, clock.now()) if connection else None,
        "listing_webhooks_arrive": connection is not None and hooks.listing_webhooks_arrive(connection, clock.now()),
        "silent": connection is not None and hooks.is_silent(connection),
        "orders_late": connection is not None and hooks.orders_late(connection, clock.now()),
    }
    return render(request, "shops/reverb.html", context)


def _by_words(refused: dict[str, str]) -> dict[str, list[str]]:
    """Return reason → refused topics."""
    found: dict[str, list[str]] = {}
    for topic, words in refused.items():
        found.setdefault(words, []).append(topic)
    return found


@require_http_methods(PAGE)
@for_members
def settings(request: HttpRequest, shop: Shop) -> HttpResponse:
    """Edit the sync settings."""
    form = SettingsForm(request.POST or None, instance=shop.sync_settings, lists=lifecycle.lists_of(shop))
    if request.method == "POST" and form.is_valid():
        form.save()
        lifecycle.look_again(shop)
        messages.success(request, "Saved.")
        return redirect("shops:settings", shop.pk)
    return render(request, "shops/settings.html", {"shop": shop, "form": form})
