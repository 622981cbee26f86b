"""What may be a sale is handed over first."""

from __future__ import annotations

import pytest

from reverbsync import clock
from shops.events import Urgency
from shops.models import Shop
from shops.platforms import PLATFORMS
from shops.reverb import webhooks as reverbs
from shops.snapshots import StoreProduct
from tests.people import NOON
from tests.webhooks.deliveries import Now, Store, keep, states
from webhooks import inbox, tasks
from webhooks.models import Delivery
from webhooks.store_handover import hand_over

pytestmark = pytest.mark.django_db


RANKS = {
    "shopify": (["inventory_levels/update", "orders/create", "refunds/create"], ["products/update"], ["shop/redact"]),
    "bigcommerce": (
        ["store/product/inventory/updated", "store/sku/inventory/updated", "store/order/created"],
        ["store/product/updated"],
        ["store/information/updated"],
    ),
    "woocommerce": (["order.created", "order.updated"], ["product.updated", "product.created"], ["coupon.created"]),
    "custom": (["stock.updated", "order.updated"], ["product.updated", "products.updated"], ["ping"]),
}


@pytest.mark.parametrize("kind", RANKS)
def test_a_topic_alone_shows_how_urgent_a_delivery_is(kind: str) -> None:
    platform, (sales, products, others) = PLATFORMS[kind], RANKS[kind]
    assert {platform.rank(topic) for topic in sales} == {Urgency.SALE}
    assert {platform.rank(topic) for topic in products} == {Urgency.PRODUCT}
    assert {platform.rank(topic) for topic in others} == {Urgency.OTHER}


def test_a_call_of_reverbs_without_a_topic_may_be_a_sale() -> None:
    assert [reverbs.rank(topic) for topic in ("", "orders/paid", "order/created")] == [Urgency.SALE] * 3
    assert reverbs.rank("listings/update/") == Urgency.PRODUCT
    assert reverbs.rank("app/uninstalled") == Urgency.OTHER


def test_what_may_be_a_sale_is_handed_over_before_edits_that_came_earlier(shop: Shop, store: Store) -> None:
    for number in range(1, 151):
        keep(shop, {"id": number})
    keep(shop, {"inventory_item_id": 500}, topic="inventory_levels/update")
    hand_over(shop)
    assert store.requested[0] == "500"


def test_a_sale_has_a_task_of_its_own_that_takes_no_edit(shop: Shop, store: Store) -> None:
    keep(shop, {"id": 1})
    keep(shop, {"inventory_item_id": 500}, topic="inventory_levels/update")
    assert inbox.shops_with_open_ones(now=NOON) == {("store", True): [shop.pk], ("store", False): [shop.pk]}
    tasks.hand_over_sales(shop.pk)
    assert store.requested == ["500"]
    tasks.hand_over_shop(shop.pk)
    assert store.requested == ["500", "1"]
    assert states() == ["done", "done"]


def test_messages_of_a_store_that_pushes_are_read_in_the_order_in_which_they_arrived(shop: Shop, now: Now) -> None:
    """A stock is the stock of a product that the message before it introduced."""
    for number, topic in enumerate(("product.updated", "stock.updated", "product.updated")):
        rank = PLATFORMS["custom"].rank(topic)
        state = Delivery.State.OPEN
        inbox.keep(shop.pk, source="store", delivery_id=str(number), topic=topic, body=b"{}", state=state, rank=rank)
    found = inbox.open_ones(shop, now=now.at, limit=9, sales=True, in_order=True)
    assert [one.delivery_id for one in found] == ["0", "1"]


def test_a_slow_store_holds_a_worker_for_one_slice_only(
    shop: Shop, store: Store, now: Now, monkeypatch: pytest.MonkeyPatch
) -> None:
    passed = [0.0]
    real = store.products

    def slow(parent_id: str) -> list[StoreProduct]:
        passed[0] += 2.0
        return real(parent_id)

    monkeypatch.setattr(store, "products", slow)
    monkeypatch.setattr(clock, "monotonic", lambda: passed[0])
    for number in range(1, 9):
        keep(shop, {"id": number})
    assert hand_over(shop)
    assert states() == ["done", "done"] + ["open"] * 6
    assert not Delivery.objects.filter(state="open", attempts__gt=0).exists()
