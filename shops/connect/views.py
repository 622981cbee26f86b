"""Connect a store in a few clicks: the pages between the steps of a handshake.

The platform interprets each step (shops/platforms/handshake.py); this module acts on the result.
shops/connect/pending.py saves the state that connects the steps.
"""

from __future__ import annotations

import json

from csp.decorators import csp_replace
from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase, HttpResponseRedirect
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.clickjacking import xframe_options_exempt
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods, require_POST, require_safe
from pydantic import SecretStr

from reverbsync import clock
from reverbsync.security.nul_bytes import FORMS
from shops import lifecycle
from shops.access import for_members, shops_of
from shops.connect import pending
from shops.models import PendingConnection, Person, Shop, StoreConnection
from shops.platforms import PLATFORMS
from shops.platforms.handshake import (
    Declined,
    Go,
    Grant,
    Handshake,
    Keep,
    Opened,
    Pending,
    Removed,
    Returned,
    Step,
    Visit,
)
from shops.platforms.values import Keys, StoreAuthError, StoreError


def _base(kind: str) -> str:
    return settings.SITE_URL + reverse("connect", args=[kind, "x"]).removesuffix("x/")


def _handshake(kind: str) -> Handshake:
    found = PLATFORMS[kind].handshake if kind in PLATFORMS else None
    if found is None:
        raise Http404("There is no such way to connect.")
    return found


# -- the seller begins ---------------------------------------------------------------------------------------------


@require_POST
@for_members
def begin(request: HttpRequest, shop: Shop, kind: str) -> HttpResponse:
    """Begin to connect a shop's store; redirect to the store, or show what to enter there."""
    handshake = _handshake(kind)
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
        return _declined_page(request, row.problem or pending.EXPIRED, status=410)
    first = _handshake(row.platform).begin(Pending(row.state, row.address), _base(row.platform))
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


# -- someone comes back --------------------------------------------------------------------------------------------


@csrf_exempt
@xframe_options_exempt
@require_http_methods(["GET", "POST"])
def arrive(request: HttpRequest, kind: str, step: str) -> HttpResponseBase:
    """Handle one step of a handshake: a browser that was sent to us, or a call of the store's own server."""
    frames = csp_replace({"frame-ancestors": settings.APP_FRAMES})
    return frames(_arrive)(request, kind, step)  # type: ignore[arg-type, call-arg]  # it knows views without arguments


def _arrive(request: HttpRequest, kind: str, step: str) -> HttpResponse:
    handshake = _handshake(kind)
    is_form = request.content_type in FORMS
    form, body = (request.POST.dict(), b"") if is_form else ({}, request.body)
    visit = Visit(request.method or "GET", request.GET.dict(), form, body, _base(kind))
    row = pending.find(kind, handshake.state_of(step, visit))
    # Checked before the step, so that a stranger cannot use up the code that Shopify issued.
    if row is not None and not handshake.by_server(step) and not pending.is_of(request, row):
        return _declined_page(request, "This connection was begun by someone else, or in another browser.", status=400)
    known = Pending(row.state, row.address, pending.kept(row)) if row is not None else None
    try:
        return _take(request, kind, handshake.visit(step, visit, known), row)
    except Declined as declined:
        pending.note(row, str(declined))
        return _declined_page(request, str(declined), status=400)
    except StoreError as error:
        pending.note(row, str(error))
        return _declined_page(request, str(error), status=502)


def _take(request: HttpRequest, kind: str, step: Step, row: PendingConnection | None) -> HttpResponse:
    """Act on a step's meaning. Raise Declined and StoreError."""
    match step:
        case Go(url, address, state):
            PendingConnection.objects.create(state=state, platform=kind, address=address, made_at=clock.now())
            pending.remember(request, state)
            return HttpResponseRedirect(url)
        case Grant():
            return _granted(request, kind, step, row)
        case Returned(state, refused):
            return _returned(request, kind, state, refused=refused)
        case Opened(address):
            return _opened(request, kind, address)
        case Keep(state, kept):
            PendingConnection.objects.filter(state=state).update(kept=SecretStr(json.dumps(dict(kept))))
        case Removed(address):
            for store in StoreConnection.objects.filter(platform=kind, address=address).select_related("shop"):
                lifecycle.store_removed(store.shop)
    return HttpResponse("OK", content_type="text/plain")


def _granted(request: HttpRequest, kind: str, grant: Grant, row: PendingConnection | None) -> HttpResponse:
    keys = Keys(grant.token, grant.secret)
    if row is not None and row.shop is not None:
        store = _connect(row, row.shop, grant.address, keys)
        if grant.by_server:
            return HttpResponse("OK", content_type="text/plain")
        _say_connected(request, store)
        return HttpResponseRedirect(grant.then or reverse("shops:store", args=[row.shop.pk]))
    if grant.by_server:
        raise Declined("This connection was not begun here, or too long ago.")
    # It began on the platform: save the keys until a person chooses the shop.
    kept = SecretStr(json.dumps({"token": grant.token, "secret": grant.secret}))
    if row is not None:
        pending.use(row)
    made = PendingConnection.objects.create(platform=kind, address=grant.address, kept=kept, made_at=clock.now())
    return _on_our_page(request, reverse("choose_shop", args=[made.state]))


def _connect(row: PendingConnection, shop: Shop, address: str, keys: Keys) -> StoreConnection:
    """Test the keys, then connect, once. Raise Declined."""
    if shop.deletion_requested_at is not None:
        raise Declined("This shop is being deleted.")
    if not pending.use(row):
        raise Declined("This connection was made already.")
    try:
        problem = lifecycle.try_store(shop, platform=row.platform, address=address, keys=keys)
        return lifecycle.connect_store(shop, platform=row.platform, address=address, keys=keys, problem=problem)
    except (StoreAuthError, ValueError) as error:
        raise Declined(str(error)) from None


def _say_connected(request: HttpRequest, store: StoreConnection) -> None:
    """Tell the seller that the store granted access, and whether it answers with these keys."""
    name = PLATFORMS[store.platform].name
    if store.problem:
        words = f"{name} gave us its keys, but does not answer yet: {store.problem} We’ll retry automatically."
        messages.warning(request, words)
    else:
        messages.success(request, f"{name} is connected. Your products are being read now.")


def _returned(request: HttpRequest, kind: str, state: str, *, refused: bool) -> HttpResponse:
    row = pending.begun_by(_person_or_none(request), kind, state)
    if row is None or row.shop is None:
        return redirect("/")
    store = StoreConnection.objects.filter(shop=row.shop, platform=kind, removed_at=None).first()
    if refused:
        messages.error(request, f"{PLATFORMS[kind].name} did not let us in. You can try again.")
    elif row.used_at is None or row.problem or store is None:
        words = row.problem or "Your store has not sent us its keys. Try again, or paste keys instead."
        messages.error(request, words)
    else:
        _say_connected(request, store)
    return redirect("shops:store", row.shop.pk)


def _opened(request: HttpRequest, kind: str, address: str) -> HttpResponse:
    """Redirect a person who opened the app in their store to its shop, if they are a member."""
    person = _person_or_none(request)
    found = shops_of(person).filter(store__platform=kind, store__address=address).first() if person else None
    return _on_our_page(request, reverse("shops:overview", args=[found.pk]) if found else "/")


# -- keys that wait for a shop -------------------------------------------------------------------------------------


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
            shop = lifecycle.shop(person, row.address[:120])
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
        store = _connect(row, shop, row.address, Keys(kept["token"], kept["secret"]))
    except Declined as declined:
        return _declined_page(request, str(declined), status=400)
    _say_connected(request, store)
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


# -- small things --------------------------------------------------------------------------------------------------


def _person(request: HttpRequest) -> Person:
    assert isinstance(request.user, Person)  # noqa: S101 -- login_required has seen to it
    return request.user


def _person_or_none(request: HttpRequest) -> Person | None:
    return request.user if isinstance(request.user, Person) else None


def _on_our_page(request: HttpRequest, path: str) -> HttpResponse:
    """Redirect to a page of ours; inside a store's frame, where our session is unavailable, show a link."""
    if _framed(request):
        return render(request, "connect/leave_frame.html", {"address": settings.SITE_URL + path})
    return HttpResponseRedirect(path)


def _framed(request: HttpRequest) -> bool:
    return request.headers.get("Sec-Fetch-Dest") == "iframe"


def _declined_page(request: HttpRequest, words: str, *, status: int) -> HttpResponse:
    context = {"words": words, "home": f"{settings.SITE_URL}/", "framed": _framed(request)}
    return render(request, "connect/declined.html", context, status=status)
