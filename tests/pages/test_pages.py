"""The pages: who sees what, what they say, and that nothing in them can run a stranger's script."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from django.core import mail
from django.test import Client
from django.urls import reverse

from listings.models import Job
from reverbsync import clock
from shops.models import Person, ReverbConnection, Shop, StoreConnection, SyncSettings
from shops.reverb import limits
from synclog.models import Entry
from synclog.reasons import REASONS
from synclog.record import Attempt, record
from tests.people import NOON, nora, olivia, product_of, shop_of
from tests.responses import Response

pytestmark = pytest.mark.django_db

PAGES = (
    "shops:overview",
    "shops:store",
    "shops:reverb",
    "shops:settings",
    "synclog:log",
    "synclog:latest",
    "listings:products",
    "listings:counts",
    "listings:import",
    "aside:show",
    "listings:rules",
    "mass:show",
    "mass:now",
    "orders:list",
    "orders:shipstation",
)


@pytest.fixture
def shop() -> Shop:
    """Return Olivia's shop."""
    return shop_of(olivia())


def signed_in(person: Person) -> Client:
    """Return a browser in which a person is signed in."""
    client = Client()
    client.force_login(person)
    return client


def page(shop: Shop, name: str = "synclog:log", query: str = "", **headers: str) -> str:
    """Return a page as Olivia sees it."""
    response = signed_in(olivia()).get(reverse(name, args=[shop.pk]) + query, headers=headers)
    assert response.status_code == 200
    return response.content.decode()


def log_entry(shop: Shop, **changes: object) -> Entry:
    """Write an entry."""
    fields = {"outcome": Entry.Outcome.SYNCED, "reason": "updated", "sku": "A1", "title": "Guitar", **changes}
    return record(Attempt(shop_id=shop.pk, at=NOON, **fields))  # type: ignore[arg-type]


# -- who sees what -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", PAGES)
def test_the_owner_sees_it(shop: Shop, name: str) -> None:
    page(shop, name)


@pytest.mark.parametrize("name", PAGES)
def test_a_stranger_sees_404(shop: Shop, name: str) -> None:
    assert signed_in(nora()).get(reverse(name, args=[shop.pk])).status_code == 404


@pytest.mark.parametrize("name", PAGES)
def test_who_is_not_signed_in_is_asked_to(shop: Shop, name: str) -> None:
    response = Client().get(reverse(name, args=[shop.pk]))
    assert response.status_code == 302
    assert response["Location"].startswith("/accounts/login/")


def test_a_stranger_can_change_nothing(shop: Shop) -> None:
    product = product_of(shop)
    client = signed_in(nora())
    for name in ("shops:reverb", "shops:settings", "shops:reverb_begin", "mass:begin"):
        assert client.post(reverse(name, args=[shop.pk]), {"token": "x"}).status_code == 404
    for name in ("shops:store_with", "shops:begin"):
        assert client.post(reverse(name, args=[shop.pk, "shopify"]), {"token": "x"}).status_code == 404
    assert client.post(reverse("shops:disconnect", args=[shop.pk, "store"])).status_code == 404
    assert client.post(reverse("listings:act_on_crawl", args=[shop.pk, "catalogue", "begin"])).status_code == 404
    for word in ("start", "pause", "resume", "cancel", "retry"):
        assert client.post(reverse("mass:act", args=[shop.pk, word])).status_code == 404
    assert client.get(reverse("mass:export", args=[shop.pk])).status_code == 404
    assert client.post(reverse("listings:look_again", args=[shop.pk, product.pk])).status_code == 404
    assert not Job.objects.exists()


def test_a_product_of_another_shop_cannot_be_reached_through_ones_own(shop: Shop) -> None:
    foreign = product_of(shop_of(nora()))
    response = signed_in(olivia()).post(reverse("listings:look_again", args=[shop.pk, foreign.pk]))
    assert response.status_code == 404


# -- what they say -------------------------------------------------------------------------------------------------


def test_an_entry_shows_all_that_happened(shop: Shop) -> None:
    log_entry(
        shop,
        outcome=Entry.Outcome.FAILED,
        reason="refused",
        product_link="https://store.test/1",
        listing_link="https://reverb.test/item/1",
        fix_link="https://store.test/fix",
        changes=[{"field": "Price", "before": "1.00 USD", "after": "2.00 USD"}],
        message="Please fill in all the fields",
        field_errors={"price": ["must be greater than 0"]},
        warnings=["A valid UPC must be entered"],
        took_ms=1234,
        attempt=3,
        trigger="webhook products/update",
    )
    shown = page(shop)
    for words in (
        "Failed",
        REASONS["refused"].words,
        "https://store.test/1",
        "https://reverb.test/item/1",
        "https://store.test/fix",
        ">Fix in store</a>",
        "1.00 USD",
        "2.00 USD",
        "Please fill in all the fields",
        "must be greater than 0",
        "A valid UPC must be entered",
        "1,234 ms",
        "attempt 3",
        "webhook products/update",
        "SKU A1",
    ):
        assert words in shown


@pytest.mark.parametrize(
    ("reason", "shown"),
    [
        ("refused", "Reverb: “Words”"),
        ("store_later", "Your store: “Words”"),
        ("oversold", '<p class="small quiet">Words</p>'),
    ],
)
def test_an_entry_names_who_said_what_it_quotes(shop: Shop, reason: str, shown: str) -> None:
    log_entry(shop, outcome=Entry.Outcome.FAILED, reason=reason, message="Words")
    assert shown in page(shop)


def test_htmx_gets_the_rows_alone_and_everybody_else_the_page(shop: Shop) -> None:
    log_entry(shop)
    assert "<html" in page(shop)
    rows = page(shop, **{"HX-Request": "true"})
    assert "<html" not in rows
    assert "Guitar" in rows


def test_older_pages_are_links_that_work_without_a_script_and_keep_the_filters(shop: Shop) -> None:
    for _ in range(51):
        log_entry(shop)
    shown = page(shop, query="?q=A1&outcome=synced")
    [older] = set(re.findall(r'<a rel="next" href="([^"]+)"', shown))
    assert "outcome=synced" in older
    assert page(shop, query="?" + older.replace("&amp;", "&").partition("?")[2]).count("data-outcome=") == 1


def test_a_shop_shows_what_waits_for_the_seller_and_a_button_looks_again(shop: Shop) -> None:
    product = product_of(shop)
    product.waits_for = "no_sku"
    product.save()
    assert REASONS["no_sku"].words in page(shop, "listings:products", "?waiting=1")
    signed_in(olivia()).post(reverse("listings:look_again", args=[shop.pk, product.pk]))
    assert Job.objects.get().trigger == "by hand"


def test_settings_are_saved_and_ask_for_another_look(shop: Shop) -> None:
    form = {"auto_sync": "on", "sync_price": "on", "default_condition": shop.sync_settings.default_condition}
    form["stock"] = "stop"
    response = signed_in(olivia()).post(reverse("shops:settings", args=[shop.pk]), form)
    assert response.status_code == 302
    saved = SyncSettings.objects.get(shop=shop)
    assert (saved.auto_sync, saved.create_listings, set(saved.fields_on)) == (True, False, {"price"})
    assert Shop.objects.get(pk=shop.pk).recheck_requested


def test_a_store_address_that_is_none_gets_a_sentence_and_changes_nothing(shop: Shop) -> None:
    form = {"address": "example.com", "token": "t", "secret": "s"}
    response = signed_in(olivia()).post(reverse("shops:store_with", args=[shop.pk, "shopify"]), form)
    assert "That is not a Shopify address" in response.content.decode()
    assert StoreConnection.objects.get(shop=shop).address == "guitars.myshopify.com"


def test_no_secret_is_ever_shown_on_a_page(shop: Shop) -> None:
    store, reverb = StoreConnection.objects.get(shop=shop), ReverbConnection.objects.get(shop=shop)
    shown = "".join(page(shop, name) for name in PAGES)
    for secret in (store.token, store.secret, reverb.token):
        assert secret.get_secret_value() not in shown


# -- safety --------------------------------------------------------------------------------------------------------


def test_a_script_in_a_title_is_text(shop: Shop) -> None:
    log_entry(shop, title="<script>alert(1)</script>", message="<b>x</b>")
    shown = page(shop)
    assert "<script>alert(1)</script>" not in shown
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in shown


@pytest.mark.parametrize("link", ["javascript:alert(1)", "data:text/html,x"])
def test_a_link_that_is_no_web_address_is_not_shown(shop: Shop, link: str) -> None:
    log_entry(shop, product_link=link, listing_link=link, fix_link=link)
    assert link not in page(shop)


@pytest.mark.parametrize("name", PAGES)
def test_no_page_holds_a_script_or_style_of_its_own(shop: Shop, name: str) -> None:
    log_entry(shop)
    shown = page(shop, name)
    assert not re.search(r"<script(?![^>]*\bsrc=)|<style|\sstyle=|\son\w+=", shown)


def test_the_policy_forbids_what_is_not_ours() -> None:
    policy = Client().get("/accounts/login/")["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "script-src 'self'" in policy
    assert "unsafe" not in policy


@pytest.mark.parametrize("path", ["/nothing/", "/shops/999/"])
def test_what_is_not_there_says_so(path: str) -> None:
    response = signed_in(olivia()).get(path)
    assert response.status_code == 404
    assert "Not found" in response.content.decode()


# -- accounts ------------------------------------------------------------------------------------------------------


def _post(client: Client, path: str, **form: str) -> Response:
    return client.post(path, form)


def test_a_newcomer_signs_up_and_makes_a_shop() -> None:
    client = Client()
    password = "a-long-new-password"
    _post(client, "/accounts/signup/", email="new@example.com", password1=password, password2=password)
    response = _post(client, "/shops/new/", name="New guitars")
    assert response.status_code == 302
    assert [shop.name for shop in Person.objects.get(email="new@example.com").shops.all()] == ["New guitars"]


def test_a_person_signs_in_out_and_in_again() -> None:
    person = olivia()
    client = Client()
    _post(client, "/accounts/login/", login=person.email, password="olivias-password")
    assert "_auth_user_id" in client.session
    _post(client, "/accounts/logout/")
    assert "_auth_user_id" not in client.session


def test_a_forgotten_password_is_set_again_by_mail() -> None:
    _post(Client(), "/accounts/password/reset/", email=olivia().email)
    assert len(mail.outbox) == 1
    assert "/accounts/password/reset/key/" in mail.outbox[0].body


# -- webhooks of Reverb ------------------------------------------------------------------------------------


def reverb_page(shop: Shop, **changes: object) -> str:
    """Return the text of the page of the Reverb connection."""
    ReverbConnection.objects.filter(shop=shop).update(**changes)
    return signed_in(olivia()).get(reverse("shops:reverb", args=[shop.pk])).content.decode()


def test_the_reverb_page_shows_which_calls_are_set_up_which_are_refused_and_what_covers_them(shop: Shop) -> None:
    found = {
        "there": ["orders/paid"],
        "refused": {"orders/create": "topic does not have a valid value"},
        "repaired": ["orders/paid"],
    }
    text = reverb_page(shop, hooks=found, hooks_checked_at=clock.now(), orders_read_at=clock.now())
    assert "1 of 6 kinds of calls are set up" in text
    assert "<code>orders/create</code>: “topic does not have a valid value”" in text
    assert "Put right at the last check: orders/paid" in text
    assert "every 10 seconds" in text
    assert "Orders could not be read" not in text
    assert shop.reverb.hook_key not in text


def test_the_reverb_page_warns_when_orders_could_not_be_read_for_long(shop: Shop) -> None:
    text = reverb_page(shop, orders_read_at=clock.now() - timedelta(hours=1))
    assert "Orders could not be read since then" in text


def test_a_seller_reads_that_reverb_asked_us_to_slow_down_and_until_when(shop: Shop) -> None:
    connection = ReverbConnection.objects.get(shop=shop)
    assert "slow down" not in page(shop, "shops:overview")
    limits.slow_down(connection.budget, 60)
    for name in ("shops:overview", "shops:reverb"):
        text = page(shop, name)
        assert "Reverb asked us to slow down at" in text
        assert "Nothing is sent until" in text
        assert "50 of 100" in text


def test_without_redis_the_pages_say_nothing_of_the_rate(shop: Shop, unreachable_redis: None) -> None:
    assert "slow down" not in page(shop, "shops:overview")
