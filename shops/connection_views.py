"""The pages of a shop's connections to its store and to Reverb."""

from __future__ import annotations

from typing import Any

from django.conf import settings as site
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.cache import add_never_cache_headers
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from reverbsync import clock
from shops import connection_status, reverb_connection, store_connection
from shops.access import PAGE, for_members
from shops.connect import pending, trial
from shops.connection_status import page_context
from shops.forms import ReverbForm, StoreForm
from shops.live_page import is_htmx, live_page
from shops.models import ReverbConnection, Shop, StoreConnection
from shops.platforms import PLATFORMS, Platform
from shops.platforms.errors import StoreAuthError
from shops.reverb import arrivals, hooks, limits
from shops.reverb.connect import PROBLEMS


@require_safe
@for_members
def store(request: HttpRequest, shop: Shop) -> HttpResponse:
    """Show the store's connection or the platforms. For htmx, return only the part that refreshes."""
    context = page_context(shop) | {"platforms": PLATFORMS.values(), "part": "shops/_store_state.html"}
    if context["store"] is not None and context["store"].removed_at is None:
        if not is_htmx(request):
            context["about_keys"] = context["platform"].about_keys(context["store"])
        return live_page(request, "shops/store.html", context)
    if is_htmx(request):
        return HttpResponse(headers={"HX-Refresh": "true"})
    return render(request, "shops/store.html", context)


@require_http_methods(PAGE)
@for_members
def store_with(request: HttpRequest, shop: Shop, kind: str) -> HttpResponse:
    """Connect a store of one platform: by its handshake if it has one, always by pasted keys, in one of its ways."""
    platform = PLATFORMS.get(kind)
    if platform is None:
        raise Http404("There is no such platform.")
    connection = StoreConnection.objects.filter(shop=shop, platform=kind).first()
    ways = {way.id: way for way in platform.ways}
    chosen = request.POST.get("way", "")
    chosen = chosen if chosen in ways else next(iter(ways))
    initial = {"address": connection.address} if connection else None
    forms = {
        name: StoreForm(request.POST or None if name == chosen else None, platform=platform, way=way, initial=initial)
        for name, way in ways.items()
    }
    form = forms[chosen]
    if request.method == "POST" and form.is_valid() and form.way.by_handshake:
        made = pending.begin(request, shop, kind, form.cleaned_data["address"], kept=form.pasted)
        return redirect("connect_go", made.state)
    if request.method == "POST" and form.is_valid():
        wanted = {"platform": kind, "address": form.cleaned_data["address"], "keys": form.cleaned_data["keys"]}
        problem = _tried(shop, platform, wanted)
        if (
            problem and not platform.push_only
        ):  # a store that pushes need not answer, and does not know its new keys yet
            form.add_error(None, problem)
        else:
            store_connection.connect_store(shop, **wanted)
            if platform.makes_keys:
                # In the response itself: no secret is stored in a session or a cookie.
                shown = {"shop": shop, "platform": platform, "store": shop.store, "keys": form.cleaned_data["keys"]}
                return never_cached(render(request, "connect/keys.html", shown))
            messages.success(request, "Your store is connected. Your products are being read now.")
            return redirect("shops:store", shop.pk)
    handshake = platform.handshake
    context = {
        "shop": shop,
        "forms": list(forms.values()),
        "platform": platform,
        "handshake": handshake if handshake and handshake.is_offered else None,
        "failed": pending.last_problem(shop, kind) if request.method != "POST" else "",
    }
    return render(request, "shops/store_with.html", context)


def _tried(shop: Shop, platform: Platform, wanted: dict[str, Any]) -> str:
    """Return why the store does not answer with these keys, "" if it does."""
    try:
        return store_connection.try_store(shop, **wanted)
    except StoreAuthError as error:
        return str(error)


def never_cached(response: HttpResponse) -> HttpResponse:
    """Return the response with headers that forbid caching."""
    add_never_cache_headers(response)
    return response


@require_POST
@for_members
def test(request: HttpRequest, shop: Shop, side: str) -> HttpResponse:
    """Call the store or Reverb now, and say what came of it."""
    if side == "store":
        store = get_object_or_404(StoreConnection, shop=shop, removed_at=None)
        result = trial.of_store(store)
    else:
        result = trial.of_reverb(get_object_or_404(ReverbConnection, shop=shop))
    (messages.success if result.works else messages.error)(request, result.words)
    return redirect(f"shops:{side}", shop.pk)


@require_POST
@for_members
def disconnect(request: HttpRequest, shop: Shop, side: str) -> HttpResponse:
    """Disconnect the store or Reverb; the log and the known products stay."""
    if side == "store":
        store_connection.disconnect_store(shop)
        messages.success(request, "Your store is disconnected. Its webhooks are being removed, then its keys.")
    else:
        reverb_connection.disconnect_reverb(shop)
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
        account = reverb_connection.connect_reverb(shop, form.cleaned_data["token"], sandbox=sandbox)
        if account.usable:
            messages.success(request, reverb_connection.connected_words(shop, account))
            return redirect("shops:reverb", shop.pk)
        problem = account.problem
    refused = dict(connection.hooks.get("refused", {})) if connection else {}
    by_app_only = hooks.for_apps_only(refused)
    for topic in by_app_only:
        del refused[topic]
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
        "refused": _by_words(refused),
        "only_apps": by_app_only and not connection.by_oauth if connection else False,
        "orders_every": arrivals.orders_every(connection, clock.now()) if connection else None,
        "quick_s": site.REVERB_QUICK_POLL_SECONDS
        if connection and not arrivals.orders_arrive(connection, clock.now())
        else 0,
        "listing_webhooks_arrive": connection is not None and arrivals.listing_webhooks_arrive(connection, clock.now()),
        "silent": connection is not None and arrivals.is_silent(connection),
        "orders_late": connection is not None and arrivals.orders_late(connection, clock.now()),
    }
    return render(request, "shops/reverb.html", context)


def _by_words(refused: dict[str, str]) -> dict[str, list[str]]:
    """Return reason → refused topics."""
    found: dict[str, list[str]] = {}
    for topic, words in refused.items():
        found.setdefault(words, []).append(topic)
    return found
