"""A store posts a webhook: size, address, signature over the raw body, keep, answer. Nothing else happens here."""

from __future__ import annotations

import uuid

from django.conf import settings
from django.db.models import F
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from shops.models import StoreConnection
from shops.platforms import platform_of
from shops.platforms.base import BadSignature
from webhooks import inbox
from webhooks.models import Delivery


@csrf_exempt
@require_POST
def from_store(request: HttpRequest, key: str) -> HttpResponse:
    """Take one call of a store.

    200 kept (or known already, or of a topic that means nothing to us) · 400 signed, but not JSON (kept all the same) ·
    401 no or a wrong signature · 404 no such address · 413 too large.
    """
    body = _body(request)
    if body is None:
        return _refuse(413, f"The body is larger than {settings.WEBHOOK_MAX_BYTES} bytes.")
    store = StoreConnection.objects.filter(hook_key=key).first()
    if store is None:
        return _refuse(404, "No shop has this address.")
    platform = platform_of(store)
    try:
        platform.verify(body, request.headers, store.secret)
    except BadSignature:
        StoreConnection.objects.filter(pk=store.pk).update(refused_deliveries=F("refused_deliveries") + 1)
        return _refuse(401, "The signature is missing or wrong.")
    envelope = platform.envelope(request.headers)
    state = _state(envelope.topic, body, platform.topics)
    inbox.keep(
        store.shop_id,
        source="store",
        # Without an id every call counts: looking twice is harmless, a lost change is not.
        delivery_id=envelope.delivery_id or f"none-{uuid.uuid4()}",
        topic=envelope.topic,
        body=body,
        state=state,
    )
    if state == Delivery.State.UNREADABLE:
        return _refuse(400, "The body is not a JSON object.")
    return JsonResponse({"status": "kept" if state == Delivery.State.OPEN else "ignored"})


def _body(request: HttpRequest) -> bytes | None:
    """Return the raw body, None when it is too large; it is never read further than the limit."""
    limit = settings.WEBHOOK_MAX_BYTES
    declared = request.headers.get("Content-Length", "")
    if declared.isdigit() and int(declared) > limit:
        return None
    body = request.read(limit + 1)
    return body if len(body) <= limit else None


def _state(topic: str, body: bytes, topics: tuple[str, ...]) -> Delivery.State:
    if not inbox.is_json(body):
        return Delivery.State.UNREADABLE
    return Delivery.State.OPEN if topic in topics else Delivery.State.IGNORED


def _refuse(status: int, words: str) -> HttpResponse:
    return JsonResponse({"error": words}, status=status)
