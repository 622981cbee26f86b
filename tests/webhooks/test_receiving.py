"""A store posts a webhook: what is kept, what is refused, and what is answered."""

from __future__ import annotations

import base64
import hashlib
import hmac
import io
import json

import pytest
from django.db import connection
from django.test import Client, RequestFactory
from django.test.utils import CaptureQueriesContext
from gunicorn.http.errors import InvalidChunkSize
from pytest_django.fixtures import Settings

from reverbsync.wsgi import application
from shops import store_connection
from shops.models import Shop
from shops.platforms.values import Keys
from tests.people import SECRET, nora, olivia, shop_of
from tests.responses import Response
from webhooks.models import Delivery
from webhooks.store_handover import hand_over

pytestmark = pytest.mark.django_db

BODY = json.dumps({"id": 11}).encode()


@pytest.fixture
def shop() -> Shop:
    """Return Olivia's shop."""
    return shop_of(olivia())


def sign(body: bytes, secret: str = SECRET) -> str:
    """Sign as Shopify does."""
    return base64.b64encode(hmac.new(secret.encode(), body, hashlib.sha256).digest()).decode()


def post(
    shop: Shop,
    body: bytes = BODY,
    *,
    topic: str = "products/update",
    delivery_id: str | None = "id-1",
    signature: str | None = None,
) -> Response:
    """Post a delivery to the shop's address; without `signature` a right one is made."""
    headers = {"X-Shopify-Topic": topic, "X-Shopify-Hmac-Sha256": sign(body) if signature is None else signature}
    if delivery_id is not None:
        headers["X-Shopify-Webhook-Id"] = delivery_id
    path = shop.store.webhook_address.partition("//")[2].partition("/")[2]
    return Client().post(f"/{path}", body, content_type="application/json", headers=headers)


def test_a_signed_delivery_is_kept_byte_for_byte_and_answered_200(shop: Shop) -> None:
    body = b'{"id": 11,  "odd":  "spacing \xc3\xa9"}'
    assert post(shop, body).status_code == 200
    kept = Delivery.objects.get()
    assert (bytes(kept.body), kept.topic, kept.state) == (body, "products/update", "open")


def test_a_second_copy_is_answered_200_and_changes_nothing(shop: Shop) -> None:
    assert [post(shop).status_code for _ in range(3)] == [200, 200, 200]
    assert Delivery.objects.count() == 1


def test_the_same_id_in_another_shop_is_another_delivery(shop: Shop) -> None:
    post(shop)
    post(shop_of(nora()))
    assert Delivery.objects.count() == 2


@pytest.mark.parametrize("signature", ["", "bm9uc2Vuc2U=", sign(BODY, "wrong secret"), sign(BODY + b" ")])
def test_a_missing_or_wrong_signature_gets_401_and_leaves_nothing_but_a_counter(shop: Shop, signature: str) -> None:
    assert post(shop, signature=signature).status_code == 401
    assert not Delivery.objects.exists()
    shop.store.refresh_from_db()
    assert shop.store.refused_deliveries == 1


def test_calls_that_were_refused_count_no_more_once_the_store_has_new_keys(shop: Shop) -> None:
    assert post(shop, signature="").status_code == 401
    keys = Keys("token", "another secret")
    store_connection.connect_store(shop, platform=shop.store.platform, address=shop.store.address, keys=keys)
    shop.store.refresh_from_db()
    assert shop.store.refused_deliveries == 0


def test_another_shops_signature_is_refused(shop: Shop) -> None:
    other = shop_of(nora())
    other.store.secret = "noras-secret"
    other.store.save()
    assert post(other, signature=sign(BODY)).status_code == 401


def test_an_address_that_nobody_has_gets_404(shop: Shop) -> None:
    assert Client().post("/webhooks/store/guessed/", BODY, content_type="application/json").status_code == 404


def test_only_post_is_taken(shop: Shop) -> None:
    assert Client().get(f"/webhooks/store/{shop.store.hook_key}/").status_code == 405


def test_of_a_body_that_is_too_large_nothing_is_kept_but_that_it_came(shop: Shop, settings: Settings) -> None:
    settings.WEBHOOK_MAX_BYTES = 100
    body = json.dumps({"id": 11, "x": "y" * 100}).encode()
    assert post(shop, body).status_code == 200
    assert bytes(Delivery.objects.get().body) == b""


def test_a_body_larger_than_djangos_own_limit_is_taken(shop: Shop, settings: Settings) -> None:
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 100
    assert post(shop, json.dumps({"id": 11, "x": "y" * 200}).encode()).status_code == 200


@pytest.mark.parametrize("body", [b"nonsense", b"[1]", b"", b"\xff\xfe"])
def test_a_signed_body_that_is_no_json_object_is_kept_for_the_operator(shop: Shop, body: bytes) -> None:
    assert post(shop, body).status_code == 200
    hand_over(shop)
    assert Delivery.objects.get().state == "unreadable"


def test_an_unknown_topic_is_answered_200_kept_and_left_alone(shop: Shop) -> None:
    response = post(shop, topic="carts/update")
    assert (response.status_code, json.loads(response.content)) == (200, {"status": "ignored"})
    assert Delivery.objects.get().state == "ignored"


def test_a_delivery_without_an_id_is_kept_each_time(shop: Shop) -> None:
    post(shop, delivery_id=None)
    post(shop, delivery_id=None)
    assert Delivery.objects.count() == 2


def test_it_is_kept_and_answered_even_when_redis_is_gone(shop: Shop, unreachable_redis: None) -> None:
    assert post(shop).status_code == 200
    assert Delivery.objects.get().state == "open"


def test_taking_a_delivery_costs_two_queries(shop: Shop) -> None:
    assert shop.store  # read before the counting begins
    with CaptureQueriesContext(connection) as queries:
        post(shop)
    assert len([q for q in queries if "SAVEPOINT" not in q["sql"]]) == 2


class Slow(io.RawIOBase):
    """A body of which the server has given up to wait for the rest."""

    def read(self, size: int = -1) -> bytes:
        """Break off, as reverbsync.web does past its deadline."""
        raise ConnectionResetError("too slow")


@pytest.mark.parametrize("kind", ["store", "reverb"])
def test_a_body_that_does_not_arrive_in_time_is_answered_408_and_not_kept(shop: Shop, kind: str) -> None:
    address = {"store": shop.store.webhook_address, "reverb": shop.reverb.webhook_address}[kind]
    path = "/" + address.partition("//")[2].partition("/")[2]
    answer = Client().generic("POST", path, b"x" * 100, "application/json", **{"wsgi.input": Slow()})  # type: ignore[arg-type]
    assert answer.status_code == 408
    assert not Delivery.objects.exists()


class Chunks(io.RawIOBase):
    """A body that comes in chunks, as gunicorn gives it: its end is known, its length is not."""

    def __init__(self, body: bytes, *, broken: bool = False) -> None:
        """`broken`: the chunks do not add up."""
        self._body, self._broken = io.BytesIO(body), broken

    def read(self, size: int = -1) -> bytes:
        """Read on."""
        if self._broken:
            raise InvalidChunkSize(b"x")
        return self._body.read(size)


def post_in_chunks(shop: Shop, body: bytes, *, broken: bool = False, path: str = "") -> int:
    """Post a signed delivery whose length is not given; return the status."""
    path = path or "/" + shop.store.webhook_address.partition("//")[2].partition("/")[2]
    environ = RequestFactory().generic("POST", path).environ
    environ.pop("CONTENT_LENGTH", None)
    environ |= {
        "HTTP_TRANSFER_ENCODING": "chunked",
        "HTTP_X_SHOPIFY_TOPIC": "products/update",
        "HTTP_X_SHOPIFY_HMAC_SHA256": sign(body),
        "wsgi.input": Chunks(body, broken=broken),
        "wsgi.input_terminated": True,
    }
    statuses: list[str] = []
    b"".join(application(environ, lambda status, *_: statuses.append(status)))  # type: ignore[arg-type]
    return int(statuses[0].split()[0])


@pytest.mark.django_db(transaction=True)  # the application closes what it opened
def test_a_delivery_in_chunks_is_read_like_any_other(shop: Shop, settings: Settings) -> None:
    settings.WEBHOOK_MAX_BYTES = 100
    assert post_in_chunks(shop, BODY) == 200
    assert bytes(Delivery.objects.get().body) == BODY
    Delivery.objects.update(delivery_id="another")
    assert post_in_chunks(shop, b" " * 101) == 200
    assert post_in_chunks(shop, BODY, broken=True) == 408
    assert post_in_chunks(shop, BODY, broken=True, path="/accounts/login/") == 403
    assert Delivery.objects.count() == 2
