"""Open deliveries are read, coalesced, and put away only when their jobs are saved."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from listings.intake import refresh
from listings.models import Job, Product
from listings.upkeep import unprocessed
from reverbsync import clock
from shops.models import Shop
from shops.platforms.errors import StoreAuthError, StoreError, TransientStoreError
from shops.snapshots import StoreProduct
from tests.people import NOON, olivia, product_of, shop_of, snapshot
from webhooks import inbox
from webhooks.models import Delivery
from webhooks.store_handover import hand_over
from webhooks.tasks import prune

pytestmark = pytest.mark.django_db


class Store:
    """What the store would answer."""

    def __init__(self) -> None:
        self.now: dict[str, list[StoreProduct]] = {"11": [snapshot()]}
        self.requested: list[str] = []
        self.down: set[str] = set()
        self.refuses: StoreError | None = None

    def products(self, store_parent_id: str) -> list[StoreProduct]:
        self.requested.append(store_parent_id)
        if store_parent_id in self.down:
            raise TransientStoreError("it is down", retry_after=7)
        return self.now.get(store_parent_id, [])

    def parent_of_stock(self, store_stock_id: str) -> str | None:
        return "11" if store_stock_id == "31" else None

    def check(self) -> str:
        if self.refuses:
            raise self.refuses
        return "Guitars"


@pytest.fixture
def store(monkeypatch: pytest.MonkeyPatch) -> Iterator[Store]:
    """Answer in place of a store; it is noon."""
    made = Store()
    monkeypatch.setattr(refresh, "client_of", lambda _: made)
    with clock.running_by(lambda: NOON):
        yield made


@pytest.fixture
def shop() -> Shop:
    """Return Olivia's shop."""
    return shop_of(olivia())


def keep(shop: Shop, body: dict[str, Any] | None = None, *, topic: str = "products/update", name: str = "") -> None:
    """Keep a delivery."""
    count = Delivery.objects.count()
    raw = json.dumps({"id": 11} if body is None else body).encode()
    state = Delivery.State.OPEN
    inbox.keep(shop.pk, source="store", delivery_id=name or f"id-{count}", topic=topic, body=raw, state=state)


def states() -> list[str]:
    """Return the states of all deliveries."""
    return list(Delivery.objects.order_by("id").values_list("state", flat=True))


def test_a_burst_for_one_product_is_one_question_and_one_job(shop: Shop, store: Store) -> None:
    for _ in range(30):
        keep(shop)
    hand_over(shop)
    assert store.requested == ["11"]
    assert Job.objects.count() == 1
    assert set(states()) == {"done"}


def test_a_stock_change_is_traced_to_its_product(shop: Shop, store: Store) -> None:
    keep(shop, {"inventory_item_id": 31}, topic="inventory_levels/update")
    hand_over(shop)
    assert Product.objects.get().store_product_id == "21"


def test_when_the_store_does_not_answer_the_delivery_stays_open_for_later(shop: Shop, store: Store) -> None:
    store.down = {"11"}
    keep(shop)
    keep(shop, {"id": 12})
    hand_over(shop)
    assert states() == ["open", "done"]
    assert Delivery.objects.order_by("id")[0].due_at == NOON + timedelta(seconds=7)
    assert inbox.open_ones(shop, now=NOON, limit=9) == []


def test_an_unreadable_delivery_is_put_aside_and_the_others_go_on(shop: Shop, store: Store) -> None:
    keep(shop, {"no": "id"})
    keep(shop)
    hand_over(shop)
    assert states() == ["unreadable", "done"]


def test_an_older_reading_never_replaces_a_newer_one(shop: Shop, store: Store) -> None:
    newer = product_of(shop, title="Newer")
    Product.objects.update(read_at=NOON + timedelta(seconds=1))
    keep(shop)
    hand_over(shop)
    newer.refresh_from_db()
    assert newer.title == "Newer"


def test_a_variant_that_is_gone_from_the_store_is_looked_at_first(shop: Shop, store: Store) -> None:
    gone = product_of(shop, store_product_id="22", sku="A2")
    Product.objects.update(read_at=NOON - timedelta(seconds=1))
    keep(shop)
    hand_over(shop)
    gone.refresh_from_db()
    assert gone.gone_at == NOON
    assert Job.objects.get(product=gone).rank == 0


def test_a_variant_that_is_gone_and_reported_again_is_read_once(shop: Shop, store: Store) -> None:
    gone = product_of(shop, store_product_id="22", sku="A2")
    earlier = NOON - timedelta(seconds=1)
    Product.objects.update(read_at=earlier, gone_at=earlier)
    keep(shop)
    hand_over(shop)
    gone.refresh_from_db()
    assert (gone.gone_at, gone.read_at) == (earlier, NOON)
    assert not Job.objects.filter(product=gone).exists()


def test_only_the_variant_that_changed_is_looked_at(shop: Shop, store: Store) -> None:
    store.now["11"] = [snapshot(), snapshot(store_product_id="22", sku="A2")]
    keep(shop)
    hand_over(shop)
    Job.objects.all().delete()
    store.now["11"] = [snapshot(), snapshot(store_product_id="22", sku="A2", title="New title")]
    keep(shop)
    hand_over(shop)
    assert [job.product.sku for job in Job.objects.all()] == ["A2"]


def test_an_order_looks_at_the_products_in_it(shop: Shop, store: Store) -> None:
    keep(shop, {"line_items": [{"product_id": 11}, {"product_id": 12}]}, topic="orders/create")
    hand_over(shop)
    assert store.requested == ["11", "12"]


def test_a_store_that_still_takes_our_keys_has_not_removed_the_app(shop: Shop, store: Store) -> None:
    keep(shop, {"id": 1}, topic="app/uninstalled")  # it came late, and the seller has connected the store again
    hand_over(shop)
    shop.store.refresh_from_db()
    assert (shop.store.token.get_secret_value(), shop.store.removed_at) == ("store-token", None)
    assert states() == ["done"]


def test_that_the_app_was_removed_is_asked_again_of_a_store_that_does_not_answer(shop: Shop, store: Store) -> None:
    store.refuses = TransientStoreError("it is down", retry_after=7)
    keep(shop, {"id": 1}, topic="app/uninstalled")
    hand_over(shop)
    shop.store.refresh_from_db()
    assert shop.store.removed_at is None
    assert states() == ["open"]


def test_removing_the_app_forgets_the_token_and_what_still_comes_is_put_aside(shop: Shop, store: Store) -> None:
    store.refuses = StoreAuthError("Our access token is no longer accepted.")
    keep(shop, {"id": 1}, topic="app/uninstalled")
    hand_over(shop)
    shop.store.refresh_from_db()
    assert (shop.store.token.get_secret_value(), shop.store.removed_at) == ("", NOON)
    keep(shop)
    hand_over(shop)
    assert states() == ["done", "ignored"]


def test_while_auto_sync_is_off_snapshots_are_kept_and_no_job_is_opened(shop: Shop, store: Store) -> None:
    shop.sync_settings.auto_sync = False
    keep(shop)
    hand_over(shop)
    assert not Job.objects.exists()
    assert unprocessed.changed_while_off(shop) == [Product.objects.get()]


def test_old_deliveries_are_deleted_and_open_ones_never(shop: Shop, store: Store) -> None:
    keep(shop)
    hand_over(shop)
    keep(shop)
    Delivery.objects.update(received_at=NOON - timedelta(days=400))
    prune()
    assert states() == ["open"]
