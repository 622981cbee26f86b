"""A shop's data: its owner takes it along or has it deleted; nobody else does."""

from __future__ import annotations

import json

import pytest
from django.core import mail
from django.http import StreamingHttpResponse
from django.urls import reverse

from listings.models import Crawl, Job, Ledger, Listing, Order, Product
from shops import store_connection
from shops.access import shops_of
from shops.events import CustomerDataRequested, CustomerForgotten, ShopForgotten
from shops.models import Membership, ReverbConnection, Shop, StoreConnection
from shops.platforms.values import Keys
from shops.snapshots import ReverbOrder
from synclog.models import Entry
from tests.listings.orders.test_ingest import BUYER, order
from tests.pages.test_pages import log_entry, signed_in
from tests.people import NOON, SECRET, nora, olivia, product_of, shop_of
from webhooks import inbox, tasks
from webhooks.models import Delivery
from webhooks.privacy import erase

pytestmark = pytest.mark.django_db


@pytest.fixture
def shop() -> Shop:
    """Return Olivia's shop, with something of everything."""
    made = shop_of(olivia())
    product = product_of(made)
    listing = Listing.objects.create(shop=made, product=product, reverb_id="501")
    Ledger.objects.create(listing=listing, units=3, store=3, reverb=3, linked_at=NOON)
    Order.objects.create(
        shop=made,
        product=product,
        number="9001",
        listing_id="501",
        quantity=1,
        status="paid",
        placed_at=NOON,
        updated_at=NOON,
        seen_at=NOON,
        counted=1,
        snapshot=order().to_json(),
    )
    Crawl.objects.create(shop=made, kind="catalogue")
    log_entry(made)
    return made


def test_everything_is_exported_as_one_file_and_no_secret_is_in_it(shop: Shop) -> None:
    answer = signed_in(olivia()).post(reverse("data:download", args=[shop.pk]))
    assert isinstance(answer, StreamingHttpResponse)
    text = b"".join(answer).decode()
    whole = json.loads(text)
    counts = {name: len(rows) for name, rows in whole.items() if name != "shop"}
    assert (counts["products"], counts["listings"], counts["sync_log"], counts["people"]) == (1, 1, 1, 1)
    assert whole["products"][0]["snapshot"]["sku"] == "A1"
    assert (counts["reverb_orders"], counts["stock"]) == (1, 1)
    assert whole["reverb_orders"][0]["snapshot"]["buyer"] == "Bob Buyer"
    for secret in (SECRET, "store-token", f"reverb-token-{shop.pk}", shop.store.hook_key, shop.reverb.hook_key):
        assert secret not in text


def test_a_deleted_shop_is_gone_from_sight_at_once_and_then_altogether(shop: Shop) -> None:
    client = signed_in(olivia())
    assert client.post(reverse("data:delete", args=[shop.pk]), {"name": "Guitars"}).status_code == 302
    assert client.get(reverse("shops:overview", args=[shop.pk])).status_code == 404
    assert not shops_of(olivia()).exists()
    assert not ReverbConnection.objects.filter(shop=shop).exists()
    erase.delete_requested_shops()
    assert Shop.objects.filter(pk=shop.pk).exists()  # its webhooks are being removed from the store
    StoreConnection.objects.filter(shop=shop).update(hooks_due_at=None)
    erase.delete_requested_shops()
    for table in (Shop, StoreConnection, Product, Listing, Ledger, Order, Job, Crawl, Entry, Delivery):
        assert not table.objects.exists()


def test_a_shop_is_not_deleted_without_its_name(shop: Shop) -> None:
    answer = signed_in(olivia()).post(reverse("data:delete", args=[shop.pk]), {"name": "guitar"})
    assert answer.status_code == 422
    assert shops_of(olivia()).exists()


@pytest.mark.parametrize("word", ["download", "delete"])
def test_staff_sees_why_not_and_a_stranger_sees_404(shop: Shop, word: str) -> None:
    path = reverse(f"data:{word}", args=[shop.pk])
    assert signed_in(nora()).post(path, {"name": "Guitars"}).status_code == 404
    Membership.objects.create(shop=shop, person=nora(), role=Membership.Role.STAFF)
    assert signed_in(nora()).post(path, {"name": "Guitars"}).status_code == 403
    assert Shop.objects.get(pk=shop.pk).deletion_requested_at is None


def test_another_store_begins_from_nothing_and_no_listing_of_the_old_one_counts_as_vanished(shop: Shop) -> None:
    store_connection.connect_store(shop, platform="shopify", address="others.myshopify.com", keys=Keys("t", "s"))
    tasks.clear_store(shop.pk)
    assert not Product.objects.exists()
    assert not Job.objects.exists()
    assert not Crawl.objects.exists()
    kept = Order.objects.get()  # a sale on Reverb stays one, and its unit was the old store's
    assert (kept.product, kept.counts, kept.counted) == (None, False, 0)


def test_new_keys_for_the_same_store_keep_everything(shop: Shop) -> None:
    store_connection.connect_store(shop, platform="shopify", address="guitars.myshopify.com", keys=Keys("t", "s"))
    assert Product.objects.count() == Listing.objects.count() == 1


# -- buyers on Reverb ----------------------------------------------------------------------------------------------


def buyer() -> tuple[str, object]:
    """Return the buyer of the order, as far as it is known."""
    kept = ReverbOrder.from_json(Order.objects.get().snapshot)
    return kept.buyer + kept.buyer_id, kept.address


def test_a_store_that_is_forgotten_leaves_its_sales_on_reverb_without_their_buyers(shop: Shop) -> None:
    store_connection.store_removed(shop)
    erase.follow(shop, ShopForgotten())
    tasks.clear_store(shop.pk)
    assert not Product.objects.exists()
    assert buyer() == ("", None)
    assert Order.objects.get().snapshot["total"] == "849.90"


def test_forgetting_a_store_loses_no_call_of_reverbs(shop: Shop) -> None:
    for source in ("store", "reverb"):
        inbox.keep(shop.pk, source=source, delivery_id="1", topic="", body=b"{}", state=Delivery.State.OPEN)
    store_connection.store_removed(shop)
    erase.follow(shop, ShopForgotten())
    tasks.clear_store(shop.pk)
    assert [one.source for one in Delivery.objects.all()] == ["reverb"]


@pytest.mark.parametrize(("status", "left"), [("received", ""), ("cancelled", ""), ("paid", "Bob Buyer7")])
def test_a_customer_who_is_forgotten_is_no_buyer_of_an_order_that_is_over(shop: Shop, status: str, left: str) -> None:
    Order.objects.update(status=status)
    erase.follow(shop, CustomerForgotten("7", ()))
    assert buyer() == (left, BUYER["address"] if left else None)


def test_a_customers_question_is_answered_with_how_many_orders_on_reverb_hold_a_buyer(shop: Shop) -> None:
    erase.follow(shop, CustomerDataRequested("7", ()))
    assert "Of 1 orders on Reverb" in mail.outbox[0].body
