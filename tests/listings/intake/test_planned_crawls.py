"""What an upgrade plans for stores that are connected already."""

from __future__ import annotations

from importlib import import_module

import pytest
from django.apps import apps
from django.db import connection

from listings.intake import crawl
from listings.models import Walk
from shops.models import StoreConnection
from tests.people import olivia, shop_of

pytestmark = pytest.mark.django_db


def test_the_stock_of_a_woocommerce_store_is_looked_at_from_now_on_and_others_stay_as_they_are() -> None:
    woocommerce, shopify = shop_of(olivia()), shop_of(olivia(), "Basses")
    StoreConnection.objects.filter(shop=woocommerce).update(platform="woocommerce")
    for shop in (woocommerce, shopify):
        shop.store.refresh_from_db()
        crawl.plan(shop)
    Walk.objects.filter(kind="stock").delete()
    for _ in range(2):
        import_module("listings.migrations.0024_stock_of_woocommerce").plan(apps, connection.schema_editor())
    assert [walk.shop_id for walk in Walk.objects.filter(kind="stock", due_at__isnull=False)] == [woocommerce.pk]
