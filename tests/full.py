"""A shop with something of everything, for tests that visit all pages."""

from __future__ import annotations

from datetime import timedelta

from listings.models import Crawl, Ledger, Line, Listing, MassSync, Parcel, Product, StoreOrderState
from reverbsync import clock
from shops.models import (
    MappingRule,
    PendingConnection,
    SelectionRule,
    ShipStation,
    Shop,
    StoreConnection,
    SyncSettings,
)
from shops.models.rules import Group
from synclog.models import Entry
from synclog.record import Attempt, record
from tests.listings.mass_sync.test_views import a_plan
from tests.listings.orders.test_views import sale
from tests.people import NOON, olivia, product_of, shop_of


def full_shop() -> Shop:
    """Return Olivia's shop, with rows in every table that a page reads."""
    shop = shop_of(olivia())
    SyncSettings.objects.filter(shop=shop).update(take_orders=True, send_tracking=True)
    product = product_of(shop, sku="FEN-1", store_product_id="p1", title="Fender <b>Strat</b> & “more”")
    listing = Listing.objects.create(
        product=product, shop=shop, sku="FEN-1", reverb_id="701", state="live", link="https://reverb.test/item/701"
    )
    Ledger.objects.create(listing=listing, units=2, store=2, reverb=2, linked_at=NOON)
    waiting = product_of(shop, sku="", store_product_id="p2")
    Product.objects.filter(pk=waiting.pk).update(waits_for="no_sku")
    used = product_of(shop, sku="USED-1", store_product_id="p3")
    Product.objects.filter(pk=used.pk).update(waits_for="used_listing_sold")
    Listing.objects.create(product=used, shop=shop, sku="USED-1", reverb_id="702", state="sold")
    for number, outcome in enumerate(Entry.Outcome):
        at = NOON + timedelta(minutes=number)
        fields = {"outcome": outcome, "reason": "updated", "sku": "FEN-1", "title": "Strat", "message": "“quoted”"}
        record(Attempt(shop_id=shop.pk, at=at, fix_link="https://reverb.test/my", **fields))  # type: ignore[arg-type]
    for number, store_state in enumerate(StoreOrderState.values):
        row = sale(
            shop,
            f"90{number:02}",
            minutes=number,
            store_state=store_state,
            product=product,
            store_problem="It said no.",
        )
        for state in Parcel.State.values:
            Parcel.objects.create(
                shop=shop, order=row, source="hand", tracking_number=state, reported_at=NOON, state=state, problem="No."
            )
    a_plan(shop, MassSync.State.RUNNING)
    Line.objects.filter(product__sku="NEW1").update(state=Line.State.FAILED, reason="refused", message="No.")
    Crawl.objects.create(shop=shop, kind=Crawl.Kind.CATALOGUE, state=Crawl.State.RUNNING, seen=61, total=200, pages=3)
    Crawl.objects.create(shop=shop, kind=Crawl.Kind.CHANGES, due_at=NOON, finished_at=NOON)
    SelectionRule.objects.create(shop=shop, by=Group.TAG, value="used")
    MappingRule.objects.create(shop=shop, field="condition", by=Group.TAG, value="used", says="x")
    ShipStation.objects.create(shop=shop, user="user", password="password", api_key="key", api_secret="secret")
    PendingConnection.objects.create(
        platform="bigcommerce", address="abcdef", kept='{"token": "t", "secret": "s"}', made_at=clock.now()
    )
    hooks = {"there": ["products/update"], "refused": {"orders/paid": "No."}, "repaired": ["products/create"]}
    StoreConnection.objects.filter(shop=shop).update(hooks=hooks, hooks_checked_at=NOON, refused_deliveries=2)
    return shop
