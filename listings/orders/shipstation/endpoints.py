"""Endpoints that ShipStation calls: orders of the custom store, reports of parcels, and the webhook for labels.

Responses are text, since ShipStation shows them to the seller. A report is saved before the response; a worker
processes it.
"""

from __future__ import annotations

import json

from django.conf import settings
from django.db.models import F
from django.http import HttpRequest, HttpResponse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods, require_POST

from listings.orders import send_tracking
from listings.orders.shipstation import custom_store, notices, service
from listings.orders.shipstation.service import NotOn, Window
from reverbsync import clock
from shops.models import ShipStation, ShipStationNotice


@csrf_exempt
@require_http_methods(["GET", "POST"])
def store(request: HttpRequest, key: str) -> HttpResponse:
    """Respond as ShipStation's custom store.

    200 · 400 the request is unreadable · 401 user or password is wrong · 404 no such address or order · 409 the shop's
    settings do not allow it · 413 too large.
    """
    ours = _with_key(key)
    if ours is None or not ours.user:
        return _text(404, "No shop has this address.")
    body = request.read(settings.WEBHOOK_MAX_BYTES + 1)
    if len(body) > settings.WEBHOOK_MAX_BYTES:
        return _text(413, "The body is too large.")
    given = custom_store.credentials(request.headers, request.GET)
    if not custom_store.are_right(given, ours.user, ours.password.get_secret_value()):
        ShipStation.objects.filter(pk=ours.pk).update(refused_calls=F("refused_calls") + 1)
        answer = _text(401, "User name or password is wrong.")
        answer["WWW-Authenticate"] = 'Basic realm="ReverbSync"'
        return answer
    try:
        return _answer(ours, request, body)
    except custom_store.Unreadable as error:
        return _text(400, str(error))
    except NotOn as error:
        return _text(409, str(error))


def _answer(ours: ShipStation, request: HttpRequest, body: bytes) -> HttpResponse:
    action, now = request.GET.get("action", ""), clock.now()
    if action == "export" and request.method == "GET":
        page = request.GET.get("page", "1")
        window = Window(
            custom_store.moment(request.GET.get("start_date", "")),
            custom_store.moment(request.GET.get("end_date", "")),
            int(page) if page.isascii() and page.isdigit() and len(page) < 7 else 1,
        )
        made = service.export(ours.shop, window)
        ShipStation.objects.filter(pk=ours.pk).update(fetched_at=now)
        answer = HttpResponse(made, content_type="application/xml; charset=utf-8")
        answer["Cache-Control"] = "no-store"
        return answer
    if action == "shipnotify" and request.method == "POST":
        known = service.keep_notice(ours.shop, custom_store.notice(request.GET.dict(), body))
        ShipStation.objects.filter(pk=ours.pk).update(reported_at=now)
        return _text(200, "Kept.") if known else _text(404, "There is no such order.")
    return _text(400, "action is export, by GET, or shipnotify, by POST.")


@csrf_exempt
@require_POST
def hook(request: HttpRequest, key: str) -> HttpResponse:
    """Accept a call of ShipStation's webhook, which is unsigned: only its filter is saved, to be requested later.

    200 saved · 400 not what ShipStation sends · 404 no such address · 413 too large.
    """
    ours = _with_key(key)
    if ours is None or not ours.api_key.get_secret_value():
        return _text(404, "No shop has this address.")
    body = request.read(settings.WEBHOOK_MAX_BYTES + 1)
    if len(body) > settings.WEBHOOK_MAX_BYTES:
        return _text(413, "The body is too large.")
    try:
        query = notices.hint(json.loads(body), base=settings.SHIPSTATION_API_URL)
    except (ValueError, RecursionError):
        return _text(400, "The body is not JSON.")
    except notices.Refused as error:
        ShipStation.objects.filter(pk=ours.pk).update(refused_calls=F("refused_calls") + 1)
        return _text(400, str(error))
    now = clock.now()
    ShipStationNotice.objects.create(shipstation=ours, query=query, received_at=now, due_at=now)
    send_tracking.soon(ours.shop_id)
    return _text(200, "Kept.")


def _with_key(key: str) -> ShipStation | None:
    found = ShipStation.objects.filter(hook_key=key, shop__deletion_requested_at=None)
    return found.select_related("shop__sync_settings").first()


def _text(status: int, words: str) -> HttpResponse:
    return HttpResponse(words + "\n", status=status, content_type="text/plain; charset=utf-8")
