"""Whatever is typed into any address of the app, or sent to it, is answered with words and never with a 500."""

from __future__ import annotations

import base64
import json
import random
import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote, quote_from_bytes, urlencode

import pytest
from django.db import transaction
from django.http import QueryDict
from django.test import Client, RequestFactory
from django.urls import URLPattern, URLResolver
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from pytest_django.fixtures import Settings as SiteSettings

from listings.models import Order, Parcel, Product
from reverbsync.http import errors, outbound
from reverbsync.urls import urlpatterns
from reverbsync.wsgi import application
from shops.models import MappingRule, PendingConnection, ReverbConnection, ShipStation, StoreConnection
from tests.full import full_shop
from tests.people import olivia

#: What has broken this application before, tried in every field; and what has broken others, tried in some.
WORST = [b"\0", b"", b"abc", b"9" * 30, b"\xed\xa0\x80", "\u00b2".encode(), b"12/31/9999 23:59", b"0001-01-01", b"[]"]
ODD = [
    text.encode("utf-8", errors="surrogatepass")
    for text in (
        *(
            "",
            " ",
            "abc",
            "-1",
            "0",
            "1",
            "1.5",
            "٣",
            "²",
            "9" * 19,
            "9" * 400,
            "1e400",
            "NaN",
            "null",
            "true",
            "on",
            "new",
        ),
        *(
            "\0",
            "a\0b",
            "\ud800",
            "\u202e",
            "\U0001f3b8",
            "é",
            "\x7f\x1b",
            "\r\nX: y",
            "%",
            "%00",
            "'",
            '"',
            "<b>",
            "{{x}}",
        ),
        *("../..", "//x.test", "http://[", "https://x.test:99999", "javascript:x", "{}", "[]", '{"a":', "x" * 5000),
        *("9999-12-31", "0001-01-01", "0000-00-00", "9999-12-31T23:59:59+14:00_9", "0001-01-01T00:00:00-14:00_1", "_"),
        *(
            "12/31/9999 23:59",
            "01/01/0001 00:00",
            "2026-01-01T00:00:00Z_1",
            "a@b.test",
            "a@b\0.test",
            "olivia@example.com",
        ),
    )
] + [b"\xff\xfe", b"\xc3\x28", b"\xed\xa0\x80", b"\xf0\x9f"]
#: Names that pages read from queries and forms, beside those that an address is seen to read.
NAMES = (
    *(
        "q",
        "after",
        "before",
        "waiting",
        "show",
        "outcome",
        "from",
        "to",
        "seen",
        "field",
        "kind",
        "state",
        "code",
        "shop",
    ),
    *(
        "hmac",
        "timestamp",
        "context",
        "scope",
        "signed_payload_jwt",
        "user_id",
        "success",
        "oauth_consumer_key",
        "next",
    ),
    *("success_call_back", "action", "start_date", "end_date", "page", "order_number", "tracking_number", "carrier"),
    *(
        "name",
        "address",
        "token",
        "secret",
        "consumer_key",
        "consumer_secret",
        "access_token",
        "access_secret",
        "sandbox",
    ),
    *(
        "login",
        "password",
        "email",
        "password1",
        "password2",
        "oldpassword",
        "remember",
        "action_add",
        "action_primary",
    ),
    *("anyway", "provider", "notify", "choice", "section", "by", "value", "says", "selection", "price_percent", "key"),
    *("stock", "stock_buffer", "stock_maximum", "default_condition", "api_key", "api_secret", "store_base_url", "make"),
    *(
        "price_add",
        "price_round",
        "price_floor",
        "condition",
        "year",
        "finish",
        "oauth_verifier",
        "oauth_consumer_secret",
    ),
)
KINDS = ("application/x-www-form-urlencoded", "application/json", "multipart/form-data; boundary=x", "text/plain", "")
GOOD = "Basic " + base64.b64encode(b"user:password").decode()

odd = st.sampled_from(ODD) | st.binary(max_size=12) | st.text(max_size=12).map(str.encode)
#: Values without which some field is never looked at.
RIGHT = {
    "action": ["export", "shipnotify"],
    "start_date": ["01/01/2026 00:00"],
    "end_date": ["01/02/2026 00:00"],
    "order_number": ["9001"],
    "tracking_number": ["1Z"],
    "shop": ["new"],
    "selection": ["chosen", "all"],
    "by": ["tag"],
    "field": ["condition", "year"],
}


@st.composite
def some_fields(draw: st.DrawFn, names: list[str]) -> list[tuple[str, bytes]]:
    """Return a few fields, mostly of these names, each right or odd."""
    found = []
    for name in draw(st.lists(st.sampled_from([*names * 4, *NAMES]), max_size=8)):
        right = [value.encode() for value in RIGHT.get(name, [])]
        found.append((name, draw(st.sampled_from(right) | odd if right else odd)))
    return found


def addresses(rows: Any, before: str = "") -> Iterator[str]:
    """Go through all addresses; yields each as Django writes it."""
    for row in rows:
        route = before + str(row.pattern).removeprefix("^").removesuffix("$")
        if isinstance(row, URLResolver):
            yield from addresses(row.url_patterns, route)
        elif isinstance(row, URLPattern):
            yield route


ADDRESSES = sorted({*addresses(urlpatterns), "static/<path:name>", "<path:anything>"})
_PART = re.compile(r"<(?:\w+:)?(\w+)>|\(\?P<(\w+)>[^)]*\)")


@pytest.fixture
def known(settings: SiteSettings, monkeypatch: pytest.MonkeyPatch) -> dict[str, list[str]]:
    """Return what can stand in an address; there is a shop with something of everything, and no world outside."""

    def nobody_answers(*_: object, **__: object) -> None:
        raise errors.Unreachable("Nobody is there.", may_have_applied=False)

    monkeypatch.setattr(outbound, "call", nobody_answers)
    settings.REVERB_CLIENT_ID = settings.SHOPIFY_CLIENT_ID = settings.BIGCOMMERCE_CLIENT_ID = "our-app"
    shop = full_shop()
    return {
        "shop_id": [str(shop.pk)],
        "product_id": [str(pk) for pk in Product.objects.values_list("pk", flat=True)],
        "order_id": [str(pk) for pk in Order.objects.values_list("pk", flat=True)],
        "parcel_id": [str(pk) for pk in Parcel.objects.values_list("pk", flat=True)],
        "rule_id": [str(pk) for pk in MappingRule.objects.values_list("pk", flat=True)],
        "kind": ["shopify", "bigcommerce", "magento2", "woocommerce", "custom", "catalogue", "reverb"],
        "step": ["start", "callback", "auth", "load", "uninstall", "return", "callback-x", "identity-x"],
        "state": list(PendingConnection.objects.values_list("state", flat=True)),
        "webhooks/store/ key": list(StoreConnection.objects.values_list("hook_key", flat=True)),
        "webhooks/reverb/ key": list(ReverbConnection.objects.values_list("hook_key", flat=True)),
        "webhooks/shipstation/ key": list(ShipStation.objects.values_list("hook_key", flat=True)),
        "word": ["make", "leave", "begin", "stop", "start", "pause", "resume", "cancel", "retry", "send", "on", "off"],
        "section": ["selection", "price", "wording", "groups", "mapping"],
        "side": ["store", "reverb"],
        "topic": ["orders/create", "listings/update"],
    }


def real_values(route: str, name: str, known: dict[str, list[str]]) -> list[str]:
    """Return what there is for a part of an address's path."""
    return next((values for pattern, values in known.items() if pattern == name or _is_in(pattern, route, name)), [])


def _is_in(pattern: str, route: str, name: str) -> bool:
    beginning, _, last = pattern.rpartition(" ")
    return bool(beginning) and route.startswith(beginning) and last == name


@st.composite
def calls(draw: st.DrawFn, route: str, known: dict[str, list[str]], names: list[str]) -> dict[str, Any]:
    """Return one request for an address: real ids or odd ones in its path, odd fields in query and body."""

    def part(match: re.Match[str]) -> str:
        real = [value.encode() for value in real_values(route, match[1] or match[2], known)]
        return quote_from_bytes(draw(st.sampled_from(real) | odd if real else odd), safe=":=-_")

    path = "/" + _PART.sub(part, route)
    query, form = draw(some_fields(names)), draw(some_fields(names))
    kind = draw(st.sampled_from(KINDS))
    body = draw(odd) if draw(st.booleans()) else _body(kind, form)
    headers = {
        "HTTP_AUTHORIZATION": draw(st.sampled_from([GOOD, "Basic AA==", "Basic é", "Bearer \0", ""])),
        "HTTP_HX_REQUEST": draw(st.sampled_from(["", "true"])),
        "HTTP_HX_CURRENT_URL": draw(st.sampled_from(["", "http://[", "http://testserver/x", "é"])),
        "HTTP_COOKIE": draw(st.sampled_from([""] * 9 + ["messages=x; csrftoken=é", "sessionid=\0", "=;;"])),
    }
    return {
        "method": draw(
            st.sampled_from(["GET", "POST", "GET", "POST", "HEAD", "PUT", "DELETE", "OPTIONS", "PATCH", "BREW"])
        ),
        "path": path,
        "data": body,
        "content_type": kind,
        "QUERY_STRING": _encoded(query),
        **{name: value for name, value in headers.items() if value},
    }


def _encoded(fields: list[tuple[str, bytes]]) -> str:
    return "&".join(f"{name}={quote_from_bytes(value)}" for name, value in fields)


def _body(kind: str, form: list[tuple[str, bytes]]) -> bytes:
    if kind.startswith("multipart"):
        parts = [b'--x\r\nContent-Disposition: form-data; name="%s"\r\n\r\n%s\r\n' % (n.encode(), v) for n, v in form]
        return b"".join([*parts, b"--x--\r\n"])
    if kind == "application/json":
        return json.dumps({name: value.decode("latin-1") for name, value in form}).encode()
    return _encoded(form).encode()


def inputs(client: Client, route: str, known: dict[str, list[str]]) -> list[tuple[str, str]]:
    """Return where something can be said at an address: in the "path", the "query" and the "form", and its name."""
    read: dict[str, set[str]] = {"query": set(), "form": set()}

    def watched(where: str) -> type[QueryDict]:
        class Watched(QueryDict):
            def __getitem__(self, name: str) -> Any:
                read[where].add(name)
                return super().__getitem__(name)

            def get(self, name: str, *default: Any) -> Any:
                read[where].add(name)
                return super().get(name, *default)

        return Watched

    right = {name: values[0] for name, values in RIGHT.items()}
    with pytest.MonkeyPatch.context() as patched, transaction.atomic():
        patched.setattr("django.core.handlers.wsgi.QueryDict", watched("query"))
        patched.setattr("django.http.request.QueryDict", watched("form"))
        for method in ("GET", "POST"):
            for said in ({"a": "b"}, right):
                client.generic(**request_of(method, route, known, said, said))
        transaction.set_rollback(True)
    path = [("path", match[1] or match[2]) for match in _PART.finditer(route)]
    return path + [(where, name) for where, names in read.items() for name in sorted(names)]


def request_of(
    method: str,
    route: str,
    known: dict[str, list[str]],
    query: dict[str, Any],
    form: dict[str, Any],
    path: dict[str, bytes] | None = None,
) -> dict[str, Any]:
    """Return a request whose path holds real ids, but for those in `path`."""

    def part(match: re.Match[str]) -> str:
        name = match[1] or match[2]
        real = (real_values(route, name, known) or ["x"])[0].encode()
        return quote_from_bytes((path or {}).get(name, real), safe=":=-_")

    return {
        "method": method,
        "path": "/" + _PART.sub(part, route),
        "data": urlencode(form).encode(),
        "content_type": KINDS[0],
        "QUERY_STRING": urlencode(query),
        "HTTP_AUTHORIZATION": GOOD,
    }


def ask(client: Client, call: dict[str, Any]) -> None:
    """Send a request, and take back what it did."""
    with transaction.atomic():
        answer = client.generic(**call)
        transaction.set_rollback(True)
    assert answer.status_code < 500, (call, answer.exc_info[1])  # type: ignore[attr-defined]
    if answer.status_code in (400, 404) and call["method"] != "HEAD":
        assert b"".join(answer).strip(), call


def browsers() -> tuple[Client, Client]:
    """Return a browser in which nobody is signed in, and Olivia's."""
    stranger, person = Client(raise_request_exception=False), Client(raise_request_exception=False)
    person.force_login(olivia())
    return stranger, person


@pytest.mark.django_db
@pytest.mark.parametrize("route", ADDRESSES)
def test_each_part_of_an_address_takes_each_odd_value(route: str, known: dict[str, list[str]]) -> None:
    stranger, person = browsers()
    right = {name: values[0] for name, values in RIGHT.items()}
    for where, name in inputs(person, route, known):
        for value in [*WORST, *random.Random(f"{route} {name}").sample(ODD, 3)]:
            query: dict[str, Any] = dict(right)
            form: dict[str, Any] = dict(right)
            path: dict[str, Any] = {}
            {"query": query, "form": form, "path": path}[where][name] = value
            for method in ("GET", "POST"):
                ask(person, request_of(method, route, known, query, form, path))
            if where == "path":
                ask(stranger, request_of("GET", route, known, query, form, path))


@pytest.mark.django_db
@pytest.mark.parametrize("route", ADDRESSES)
def test_every_address_takes_whatever_it_is_given(route: str, known: dict[str, list[str]]) -> None:
    stranger, person = browsers()
    names = [name for where, name in inputs(person, route, known) if where != "path"]

    @settings(max_examples=15, deadline=None, derandomize=True, database=None, phases=[Phase.generate])
    @given(calls(route, known, names), st.booleans())
    def requested(call: dict[str, Any], signed_in: bool) -> None:
        ask(person if signed_in else stranger, call)

    requested()


@pytest.mark.django_db(transaction=True)  # the application closes what it opened
@pytest.mark.parametrize("charset", ["hex", "idna", "utf-16", "unicode_escape", "undefined", "nothing", '"'])
@pytest.mark.parametrize("kind", KINDS)
def test_a_request_is_utf_8_whatever_it_calls_itself(kind: str, charset: str) -> None:
    statuses: list[str] = []
    for value in ("Gr\u00fcn", "\\ud800", "00"):
        query = {"path": "/connect/woocommerce/callback/", "QUERY_STRING": f"user_id={quote(value)}"}
        environ = RequestFactory().generic("POST", data=f"user_id={value}", **query).environ  # type: ignore[arg-type]
        environ["CONTENT_TYPE"] = f"{kind}; charset={charset}"
        body = b"".join(application(environ, lambda status, *_: statuses.append(status)))  # type: ignore[arg-type]
        assert statuses.pop() == "400 Bad Request"
        assert b"<html" in body
