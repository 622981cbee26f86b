"""Connecting a store in a few clicks: the pages between which a seller, the store and we go back and forth.

What each step means is said by the platform's room (shops/platforms/handshake.py); here is what it leads to. A state
is an unguessable name for a connection that is being made. It lives for half an hour, is used once, and belongs to the
person who began, in the browser where they began.
"""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

from csp.decorators import csp_replace
from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.clickjacking import xframe_options_exempt
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods, require_POST
from pydantic import SecretStr

from reverbsync import clock
from shops import make
from shops.access import for_members, shops_of
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
    Sheet,
    Visit,
)
from shops.platforms.values import Keys, StoreError, StoreRefused

LIVES = timedelta(minutes=30)
#: Name in the browser's session of the states that were begun there.
BEGUN = "connecting"


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
    """Begin to connect a shop's store; sends the browser to the store, or shows what to enter there."""
    handshake = _handshake(kind)
    address = ""
    if handshake.asks_address:
        try:
            address = PLATFORMS[kind].read_address(request.POST.get("address", ""))
        except ValueError as error:
            messages.error(request, str(error))
            return redirect("shops:store_with", shop.pk, kind)
    made = PendingConnection.objects.create(
        shop=shop, person=_person(request), platform=kind, address=address, made_at=clock.now()
    )
    _remember(request, made.state)
    first = handshake.begin(Pending(made.state, address), _base(kind))
    if isinstance(first, Sheet):
        context = {"shop": shop, "platform": PLATFORMS[kind], "sheet": first}
        return render(request, "shops/handshake.html", context)
    return HttpResponseRedirect(first)


# -- someone comes back --------------------------------------------------------------------------------------------


@csrf_exempt
@xframe_options_exempt
@csp_replace({"frame-ancestors": settings.APP_FRAMES})  # type: ignore[arg-type]  # django-csp knows views without arguments
@require_http_methods(["GET", "POST"])
def arrive(request: HttpRequest, kind: str, step: str) -> HttpResponse:  # noqa: PLR0911 -- one for each kind of step
    """Take one step of a handshake: a browser that was sent here, or a call of the store's own server."""
    handshake = _handshake(kind)
    form = request.POST.dict() if request.content_type == "application/x-www-form-urlencoded" else {}
    body = b"" if form else request.body
    visit = Visit(request.method or "GET", request.GET.dict(), form, body, _base(kind))
    row = _row(kind, handshake.state_of(step, visit))
    pending = Pending(row.state, row.address, _kept(row)) if row is not None else None
    try:
        match handshake.visit(step, visit, pending):
            case Go(url, address, state):
                PendingConnection.objects.create(state=state, platform=kind, address=address, made_at=clock.now())
                _remember(request, state)
                return HttpResponseRedirect(url)
            case Keep(state, kept):
                PendingConnection.objects.filter(state=state).update(kept=SecretStr(json.dumps(dict(kept))))
                return HttpResponse("OK", content_type="text/plain")
            case Grant() as grant:
                return _granted(request, kind, grant, row)
            case Returned(state, refused):
                return _returned(request, kind, state, refused=refused)
            case Opened(address):
                return _opened(request, kind, address)
            case Removed(address):
                for store in StoreConnection.objects.filter(platform=kind, address=address).select_related("shop"):
                    make.store_removed(store.shop)
                return HttpResponse("OK", content_type="text/plain")
    except Declined as declined:
        return _told(request, str(declined), status=400)
    except StoreError as error:
        return _told(request, str(error), status=502)


def _granted(request: HttpRequest, kind: str, grant: Grant, row: PendingConnection | None) -> HttpResponse:
    keys = Keys(grant.token, grant.secret)
    if row is not None and row.shop is not None:
        if not grant.by_server and (request.user != row.person or row.state not in _begun(request)):
            raise Declined("This connection was begun by someone else, or in another browser. Please begin again.")
        _connect(row, row.shop, grant.address, keys)
        if grant.by_server:
            return HttpResponse("OK", content_type="text/plain")
        messages.success(request, f"{PLATFORMS[kind].name} is connected. Your products are being read now.")
        return HttpResponseRedirect(grant.then or reverse("shops:store", args=[row.shop.pk]))
    if grant.by_server:
        raise Declined("This connection was not begun here, or too long ago.")
    if row is not None and row.state not in _begun(request):
        raise Declined("This connection was begun in another browser. Please begin again.")
    # It began at the platform: the keys wait until a person has said which shop they belong to.
    kept = SecretStr(json.dumps({"token": grant.token, "secret": grant.secret}))
    if row is not None:
        PendingConnection.objects.filter(pk=row.pk).update(used_at=clock.now())
    made = PendingConnection.objects.create(platform=kind, address=grant.address, kept=kept, made_at=clock.now())
    return _on_our_page(request, reverse("choose_shop", args=[made.state]))


def _connect(row: PendingConnection, shop: Shop, address: str, keys: Keys) -> None:
    """Try the keys before they are believed, then connect, once."""
    if not PendingConnection.objects.filter(pk=row.pk, used_at=None).update(used_at=clock.now()):
        raise Declined("This connection was made already.")
    try:
        make.try_store(shop, platform=row.platform, address=address, keys=keys)
        make.connect_store(shop, platform=row.platform, address=address, keys=keys)
    except (StoreRefused, ValueError) as error:
        PendingConnection.objects.filter(pk=row.pk).update(problem=str(error)[:300])
        raise Declined(str(error)) from None


def _returned(request: HttpRequest, kind: str, state: str, *, refused: bool) -> HttpResponse:
    row = PendingConnection.objects.filter(platform=kind, state=state, person=_person_or_none(request)).first()
    if row is None or row.shop is None:
        return redirect("/")
    if refused:
        messages.error(request, f"{PLATFORMS[kind].name} did not let us in. You can try again.")
    elif row.used_at is None or row.problem:
        words = row.problem or "Your store has not sent us its keys. Try again, or paste keys instead."
        messages.error(request, words)
    else:
        messages.success(request, f"{PLATFORMS[kind].name} is connected. Your products are being read now.")
    return redirect("shops:store", row.shop.pk)


def _opened(request: HttpRequest, kind: str, address: str) -> HttpResponse:
    """Send someone who opened the app in their store to the shop that it belongs to, if it is theirs."""
    person = _person_or_none(request)
    found = shops_of(person).filter(store__platform=kind, store__address=address).first() if person else None
    return _on_our_page(request, reverse("shops:overview", args=[found.pk]) if found else "/")


# -- keys that wait for a shop -------------------------------------------------------------------------------------


@require_http_methods(["GET", "HEAD", "POST"])
@login_required
def choose_shop(request: HttpRequest, state: str) -> HttpResponse:
    """Let a person say which of their shops a store belongs to, or make a new shop for it."""
    fresh = PendingConnection.objects.filter(used_at=None, made_at__gt=clock.now() - LIVES, shop=None)
    row = get_object_or_404(fresh.exclude(kept=""), state=state)
    person = _person(request)
    kept = _kept(row)
    if request.method == "POST":
        chosen = request.POST.get("shop", "")
        shop = (
            make.shop(person, row.address[:120]) if chosen == "new" else get_object_or_404(shops_of(person), pk=chosen)
        )
        try:
            _connect(row, shop, row.address, Keys(kept["token"], kept["secret"]))
        except Declined as declined:
            return _told(request, str(declined), status=400)
        messages.success(request, f"{PLATFORMS[row.platform].name} is connected. Your products are being read now.")
        return redirect("shops:store", shop.pk)
    context = {"pending": row, "platform": PLATFORMS[row.platform], "shops": list(shops_of(person))}
    return render(request, "shops/choose.html", context)


# -- small things --------------------------------------------------------------------------------------------------


def _row(kind: str, state: str) -> PendingConnection | None:
    fresh = PendingConnection.objects.filter(platform=kind, used_at=None, made_at__gt=clock.now() - LIVES)
    return fresh.select_related("shop", "person").filter(state=state).first() if state else None


def _kept(row: PendingConnection) -> dict[str, Any]:
    text = row.kept.get_secret_value()
    kept: dict[str, Any] = json.loads(text) if text else {}
    return kept


def _remember(request: HttpRequest, state: str) -> None:
    request.session[BEGUN] = [*_begun(request), state][-5:]


def _begun(request: HttpRequest) -> list[str]:
    found: list[str] = request.session.get(BEGUN, [])
    return found


def _person(request: HttpRequest) -> Person:
    assert isinstance(request.user, Person)  # noqa: S101 -- login_required has seen to it
    return request.user


def _person_or_none(request: HttpRequest) -> Person | None:
    return request.user if isinstance(request.user, Person) else None


def _on_our_page(request: HttpRequest, path: str) -> HttpResponse:
    """Lead on to a page of ours; out of a store's frame, where our sign-in does not reach, by a link."""
    if request.headers.get("Sec-Fetch-Dest") == "iframe":
        return render(request, "shops/leave_frame.html", {"address": settings.SITE_URL + path})
    return HttpResponseRedirect(path)


def _told(request: HttpRequest, words: str, *, status: int) -> HttpResponse:
    return render(request, "shops/declined.html", {"words": words}, status=status)
