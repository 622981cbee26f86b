"""A handshake's steps that come from outside: a browser that was sent to us, or a call of the store's own server."""

from __future__ import annotations

import json

from csp.decorators import csp_replace
from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseBase, HttpResponseRedirect
from django.shortcuts import redirect
from django.urls import reverse
from django.views.decorators.clickjacking import xframe_options_exempt
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods
from pydantic import SecretStr

from reverbsync import clock
from reverbsync.security.nul_bytes import FORMS
from shops import store_connection
from shops.access import shops_of
from shops.connect import pending
from shops.connect.pages import declined_page, handshake_of, on_our_page, person_or_none
from shops.models import PendingConnection, Shop, StoreConnection
from shops.platforms import PLATFORMS
from shops.platforms.errors import StoreAuthError, StoreError
from shops.platforms.handshake import (
    Declined,
    Go,
    Grant,
    Keep,
    Opened,
    Pending,
    Removed,
    Returned,
    Step,
    Visit,
    base_of,
)
from shops.platforms.values import Keys


@csrf_exempt
@xframe_options_exempt
@require_http_methods(["GET", "POST"])
def arrive(request: HttpRequest, kind: str, step: str) -> HttpResponseBase:
    """Handle one step of a handshake: a browser that was sent to us, or a call of the store's own server."""
    frames = csp_replace({"frame-ancestors": settings.APP_FRAMES})
    return frames(_arrive)(request, kind, step)  # type: ignore[arg-type, call-arg]  # it knows views without arguments


def _arrive(request: HttpRequest, kind: str, step: str) -> HttpResponse:
    handshake = handshake_of(kind)
    is_form = request.content_type in FORMS
    form, body = (request.POST.dict(), b"") if is_form else ({}, request.body)
    visit = Visit(request.method or "GET", request.GET.dict(), form, body, base_of(kind))
    row = pending.find(kind, handshake.state_of(step, visit))
    # Checked before the step, so that a stranger cannot use up the code that Shopify issued.
    if row is not None and not handshake.by_server(step) and not pending.is_of(request, row):
        return declined_page(request, "This connection was begun by someone else, or in another browser.", status=400)
    known = Pending(row.state, row.address, pending.kept(row)) if row is not None else None
    try:
        return _take(request, kind, handshake.visit(step, visit, known), row)
    except Declined as declined:
        pending.note(row, str(declined))
        return declined_page(request, str(declined), status=400)
    except StoreError as error:
        pending.note(row, str(error))
        return declined_page(request, str(error), status=502)


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
                store_connection.store_removed(store.shop)
    return HttpResponse("OK", content_type="text/plain")


def _granted(request: HttpRequest, kind: str, grant: Grant, row: PendingConnection | None) -> HttpResponse:
    keys = Keys(grant.token, grant.secret)
    if row is not None and row.shop is not None:
        store = connect_once(row, row.shop, grant.address, keys)
        if grant.by_server:
            return HttpResponse("OK", content_type="text/plain")
        say_connected(request, store)
        return HttpResponseRedirect(grant.then or reverse("shops:store", args=[row.shop.pk]))
    if grant.by_server:
        raise Declined("This connection was not begun here, or too long ago.")
    # It began on the platform: save the keys until a person chooses the shop.
    kept = SecretStr(json.dumps({"token": grant.token, "secret": grant.secret}))
    if row is not None:
        pending.use(row)
    made = PendingConnection.objects.create(platform=kind, address=grant.address, kept=kept, made_at=clock.now())
    return on_our_page(request, reverse("choose_shop", args=[made.state]))


def connect_once(row: PendingConnection, shop: Shop, address: str, keys: Keys) -> StoreConnection:
    """Test the keys, then connect, once. Raise Declined."""
    if shop.deletion_requested_at is not None:
        raise Declined("This shop is being deleted.")
    if not pending.use(row):
        raise Declined("This connection was made already.")
    try:
        problem = store_connection.try_store(shop, platform=row.platform, address=address, keys=keys)
        return store_connection.connect_store(shop, platform=row.platform, address=address, keys=keys, problem=problem)
    except (StoreAuthError, ValueError) as error:
        raise Declined(str(error)) from None


def say_connected(request: HttpRequest, store: StoreConnection) -> None:
    """Tell the seller that the store granted access, and whether it answers with these keys."""
    name = PLATFORMS[store.platform].name
    if store.problem:
        words = f"{name} gave us its keys, but does not answer yet: {store.problem} We’ll retry automatically."
        messages.warning(request, words)
    else:
        messages.success(request, f"{name} is connected. Your products are being read now.")


def _returned(request: HttpRequest, kind: str, state: str, *, refused: bool) -> HttpResponse:
    row = pending.begun_by(person_or_none(request), kind, state)
    if row is None or row.shop is None:
        return redirect("/")
    store = StoreConnection.objects.filter(shop=row.shop, platform=kind, removed_at=None).first()
    if refused:
        messages.error(request, f"{PLATFORMS[kind].name} did not let us in. You can try again.")
    elif row.used_at is None or row.problem or store is None:
        words = row.problem or "Your store has not sent us its keys. Try again, or paste keys instead."
        messages.error(request, words)
    else:
        say_connected(request, store)
    return redirect("shops:store", row.shop.pk)


def _opened(request: HttpRequest, kind: str, address: str) -> HttpResponse:
    """Redirect a person who opened the app in their store to its shop, if they are a member."""
    person = person_or_none(request)
    found = shops_of(person).filter(store__platform=kind, store__address=address).first() if person else None
    return on_our_page(request, reverse("shops:overview", args=[found.pk]) if found else "/")
