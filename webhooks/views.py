"""Receive webhooks: check size, address and the signature over the raw body, save, answer. Nothing else."""

from __future__ import annotations

import contextlib
import uuid
from collections.abc import Iterator, Mapping

from django.conf import settings
from django.db.models import F
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from shops.models import FormerStore, ReverbConnection, StoreConnection
from shops.platforms import PLATFORMS, Platform, platform_of
from shops.platforms.errors import BadSignature
from shops.reverb import webhooks
from shops.schema_text import object_of
from shops.schemas import number_in
from webhooks import addresses, inbox
from webhooks.models import Delivery


@csrf_exempt
@require_POST
def from_store(request: HttpRequest, key: str) -> HttpResponse:
    """Receive one call of a store.

    200 saved (or known already, or of an unknown topic) · 401 absent or invalid signature · 404 unknown address. A body
    that is no JSON object or too large is answered 200 as well, and all changes are polled instead: platforms disable a
    webhook after a few errors. A custom store gets 400 (recorded without body) or 413.
    """
    body, headers = _body(request), _Headers(request)
    if body is None:
        return _too_large(key, headers)
    for fresh in (False, True):
        store = addresses.store_at(key, fresh=fresh)
        if store is None or (store.removed_at is not None and not store.secret.get_secret_value()):
            return _late(key, store)
        platform = platform_of(store)
        if platform.is_ping(body, headers):
            return JsonResponse({"status": "here"})
        with contextlib.suppress(BadSignature):
            platform.verify(body, headers, store)
            return _kept(platform, store, body, headers)
    StoreConnection.objects.filter(hook_key=key).update(refused_deliveries=F("refused_deliveries") + 1)
    return _refuse(401, "The signature is missing or wrong.")


@csrf_exempt
@require_POST
def from_app(request: HttpRequest, kind: str) -> HttpResponse:
    """Receive a platform's call to the app's own address, and save it for each shop with that store.

    The answers are those of `from_store`; a store without a shop is answered 200, since nothing is stored of it.
    """
    body, headers = _body(request), _Headers(request)
    if body is None:
        return _refuse(413, f"The body is larger than {settings.WEBHOOK_MAX_BYTES} bytes.")
    platform = PLATFORMS.get(kind)
    if platform is None:
        return _refuse(404, "There is no such platform.")
    try:
        address = platform.of_app(body, headers)
    except BadSignature:
        return _refuse(401, "The signature is missing or wrong.")
    answer: HttpResponse = JsonResponse({"status": "nothing is held of this store"})
    for store in StoreConnection.objects.filter(platform=kind, address=address):
        answer = _kept(platform, store, body, headers)
    return answer


@csrf_exempt
@require_POST
def from_reverb(request: HttpRequest, key: str, topic: str = "") -> HttpResponse:
    """Receive one call of Reverb's. Reverb signs nothing: the address is its only proof, and the body only a hint.

    200 saved · 404 unknown address. If the body is no JSON object or too large, only the arrival is recorded.
    """
    connection = ReverbConnection.objects.filter(hook_key=key).first()
    if connection is None:
        return _refuse(404, "No shop has this address.")
    body = _body(request) or b""
    # A call has no id, so each one counts: a second read does no harm, a lost sale does.
    inbox.keep(
        connection.shop_id,
        source="reverb",
        delivery_id=f"none-{uuid.uuid4()}",
        topic=_plain(topic)[:100],
        body=body if object_of(body) is not None else b"",
        state=Delivery.State.OPEN,
        rank=webhooks.rank(topic),
    )
    return JsonResponse({"status": "kept"})


def _late(key: str, store: StoreConnection | None) -> HttpResponse:
    """Answer a call of a disconnected or replaced store.

    A refusal would count against all stores of the platform.
    """
    if store is None and not FormerStore.objects.filter(hook_key=key).exists():
        return _refuse(404, "No shop has this address.")
    return JsonResponse({"status": "ignored"})


def _too_large(key: str, headers: Mapping[str, str]) -> HttpResponse:
    """Record a call whose body is too large to verify; only a custom store is refused and must send it otherwise."""
    store = addresses.store_at(key)
    platform = platform_of(store) if store is not None and store.removed_at is None else None
    if store is None or platform is None or platform.push_only:
        return _refuse(413, f"The body is larger than {settings.WEBHOOK_MAX_BYTES} bytes.")
    return _kept(platform, store, b"", headers)


def _kept(platform: Platform, store: StoreConnection, body: bytes, headers: Mapping[str, str]) -> HttpResponse:
    envelope = platform.envelope(body, headers)
    state = _state(envelope.topic, body, platform)
    inbox.keep(
        store.shop_id,
        source="store",
        # Without an id each call counts: a second read does no harm, a lost change does.
        delivery_id=_plain(envelope.delivery_id)[:200] or f"none-{uuid.uuid4()}",
        topic=_plain(envelope.topic)[:100],
        body=body,
        state=state,
        rank=platform.rank(envelope.topic),
    )
    if state == Delivery.State.UNREADABLE:
        return _refuse(400, "The body is not a JSON object.")
    return JsonResponse({"status": "kept" if state == Delivery.State.OPEN else "ignored"})


class _Headers(Mapping[str, str]):
    """A request's headers, read on demand: Django's own mapping copies all of them first, which is slower."""

    def __init__(self, request: HttpRequest) -> None:
        self._request = request

    def __getitem__(self, name: str) -> str:
        word = name.upper().replace("-", "_")
        return str(self._request.META[word if word in ("CONTENT_LENGTH", "CONTENT_TYPE") else f"HTTP_{word}"])

    def __iter__(self) -> Iterator[str]:
        return iter(self._request.headers)

    def __len__(self) -> int:
        return len(self._request.headers)


def _body(request: HttpRequest) -> bytes | None:
    """Return the raw body, None if it is too large; at most limit + 1 bytes are read."""
    limit = settings.WEBHOOK_MAX_BYTES
    declared = number_in(request.META.get("CONTENT_LENGTH", ""))
    if declared is not None and declared > limit:
        return None
    body = request.read(limit + 1)
    return body if len(body) <= limit else None


def _state(topic: str, body: bytes, platform: Platform) -> Delivery.State:
    if object_of(body) is None:
        return Delivery.State.UNREADABLE if platform.push_only else Delivery.State.OPEN
    known = topic in platform.topics or topic in platform.app_topics
    return Delivery.State.OPEN if known else Delivery.State.IGNORED


def _plain(text: str) -> str:
    """Return a text without characters that the database rejects."""
    return text.encode(errors="replace").decode().replace("\0", "")


def _refuse(status: int, words: str) -> HttpResponse:
    return JsonResponse({"error": words}, status=status)
