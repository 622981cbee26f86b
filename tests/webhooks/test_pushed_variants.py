"""Variants that a seller's own system sends: with one stamp, partly unreadable, without a number, under a used id."""

from __future__ import annotations

from typing import Any

import pytest

from listings.intake import crawl_slices, crawls
from listings.intake.read_again import run_slice as look_again
from listings.models import Crawl, Product, Recheck
from shops.models import PushedOrder, Shop
from synclog.models import Entry
from tests.webhooks.pushing import counted, guitar, note, product, push_shop, send, sold, states, stocks, variant
from webhooks.batches import replay
from webhooks.models import Delivery
from webhooks.store_handover import hand_over

pytestmark = pytest.mark.django_db

UNREADABLE = ["n/a", "3 pcs", True, [], "1,000", float("nan"), "", " "]


@pytest.fixture
def shop() -> Shop:
    """Return a shop with a store of its seller's own."""
    return push_shop()


def take_again(shop: Shop, index: int) -> None:
    """Take a message once more, as after a failure: the one at this index of those that arrived."""
    Delivery.objects.filter(pk=Delivery.objects.order_by("pk")[index].pk).update(state=Delivery.State.OPEN)
    hand_over(shop)


# -- one stamp -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("edit_first", [True, False])
def test_a_sale_counts_over_the_edit_of_its_second(shop: Shop, edit_first: bool) -> None:
    guitar(shop, 0)
    hand_over(shop)
    for send_one in (guitar, sold) if edit_first else (sold, guitar):
        send_one(shop, 1)
    hand_over(shop, sales=True)
    hand_over(shop, sales=False)
    assert stocks() == {"1": 0}
    assert Product.objects.get().title == "Guitar 1"


def test_an_edit_of_a_later_second_counts_over_a_sale(shop: Shop) -> None:
    guitar(shop, 0)
    sold(shop, 1)
    guitar(shop, 2)
    hand_over(shop)
    assert stocks() == {"1": 3}


@pytest.mark.parametrize("numbers", [(3, 0), (0, 3)])
def test_of_two_counts_of_one_second_the_later_arrival_counts_however_often_the_first_is_taken(
    shop: Shop, numbers: tuple[int, int]
) -> None:
    guitar(shop, 0, stock=5)
    for stock in numbers:
        counted(shop, 1, {"variant_id": "1", "stock": stock})
    hand_over(shop)
    take_again(shop, 1)
    assert stocks() == {"1": numbers[1]}


def test_of_two_edits_of_one_second_the_later_arrival_counts_however_often_the_first_is_taken(shop: Shop) -> None:
    guitar(shop, 1, stock=3)
    guitar(shop, 1, stock=0)
    hand_over(shop)
    take_again(shop, 0)
    assert stocks() == {"1": 0}


def test_where_it_is_not_known_which_count_of_one_second_arrived_later_the_lower_counts(shop: Shop) -> None:
    """An answer to a change of ours does not arrive as a message."""
    guitar(shop, 0)
    counted(shop, 1, {"variant_id": "1", "stock": 3})
    hand_over(shop)
    known = shop.store.pushed_products.get()
    known.body["variants"][0] |= {"stock": 2, "arrived": 0}
    known.save()
    counted(shop, 1, {"variant_id": "1", "stock": 3})
    hand_over(shop)
    assert stocks() == {"1": 2}


def test_a_product_that_was_deleted_in_the_second_of_its_edit_does_not_come_back_when_that_is_taken_again(
    shop: Shop,
) -> None:
    guitar(shop, 1)
    send(shop, "product.deleted", 1, id="9")
    sold(shop, 2)
    hand_over(shop)
    take_again(shop, 0)
    assert stocks() == {}


def test_an_order_that_was_cancelled_in_its_second_stays_so_when_its_first_message_is_taken_again(shop: Shop) -> None:
    for status in ("open", "cancelled"):
        send(shop, "order.updated", 1, id="5", status=status, lines=[])
    bodies = list(Delivery.objects.order_by("pk").values_list("body", flat=True))
    hand_over(shop)
    Delivery.objects.filter(pk=Delivery.objects.order_by("pk")[0].pk).update(body=bodies[0])  # emptied when done
    take_again(shop, 0)
    assert PushedOrder.objects.get().body["status"] == "cancelled"


def test_a_later_count_that_waits_for_its_variant_is_not_replaced_by_an_earlier_one(shop: Shop) -> None:
    guitar(shop, 0)
    sold(shop, 3, "2")
    counted(shop, 2, {"variant_id": "2", "stock": 4})
    hand_over(shop)
    guitar(shop, 1, variants="12")
    hand_over(shop)
    assert stocks() == {"1": 3, "2": 0}


# -- what cannot be read -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("flag", ["", "sold", 2, "active", []])
@pytest.mark.parametrize("was", [True, False])
def test_a_flag_that_cannot_be_read_hides_no_stock_and_stays_as_it_was(shop: Shop, flag: Any, was: bool) -> None:
    product(shop, 0, variant("1", 3), for_sale=was)
    product(shop, 1, variant("1", 2, price="450.00"), for_sale=flag)
    hand_over(shop)
    seen = Product.objects.get().seen
    assert (seen.stock, str(seen.price), seen.for_sale) == (2, "450.00", was)
    assert f"for_sale cannot be read, so it stays {'on' if was else 'off'} sale" in note()


def test_a_new_product_is_off_sale_while_its_flag_cannot_be_read(shop: Shop) -> None:
    product(shop, 0, variant("1", 3), for_sale="sold")
    hand_over(shop)
    assert Product.objects.get().seen.sellable == 0


@pytest.mark.parametrize("odd", UNREADABLE, ids=str)
def test_a_stock_that_cannot_be_read_stays_and_hides_no_other_variant(shop: Shop, odd: Any) -> None:
    guitar(shop, 0, variants="12")
    product(shop, 1, variant("1", 0), variant("2", odd, price="450.00"))
    hand_over(shop)
    assert stocks() == {"1": 0, "2": 3}
    assert str(Product.objects.get(store_product_id="2").seen.price) == "450.00"
    assert note() == (
        "Product 9: the stock of variant 2 cannot be read, so its number stays as it was."
        " Send a number, or null if you do not count it."
    )


def test_an_edit_that_names_no_stock_leaves_a_counted_product_counted(shop: Shop) -> None:
    guitar(shop, 0)
    row = variant("1", 0)
    del row["stock"]
    product(shop, 1, row)
    hand_over(shop)
    assert stocks() == {"1": 3}
    assert states() == ["done", "unreadable"]


def test_an_edit_whose_stock_is_null_leaves_a_product_uncounted(shop: Shop) -> None:
    guitar(shop, 0)
    product(shop, 1, variant("1", None))
    hand_over(shop)
    assert stocks() == {"1": None}
    assert states() == ["done", "done"]


def test_a_stock_that_stays_keeps_its_stamp(shop: Shop) -> None:
    """The count comes late, and is newer than the number that stayed."""
    guitar(shop, 0)
    product(shop, 2, variant("1", "n/a"))
    sold(shop, 1)
    hand_over(shop)
    assert stocks() == {"1": 0}


def test_a_new_variant_whose_stock_cannot_be_read_is_left_out_until_it_can(shop: Shop) -> None:
    guitar(shop, 0)
    product(shop, 1, variant("1", 2), variant("2", "n/a"))
    hand_over(shop)
    assert stocks() == {"1": 2}
    assert "variant 2 cannot be read, so the variant is left out." in note()
    guitar(shop, 2, variants="12")
    hand_over(shop)
    assert stocks() == {"1": 3, "2": 3}


def test_a_new_product_without_a_readable_variant_is_named_and_not_made(shop: Shop) -> None:
    product(shop, 0, variant("1", "n/a"))
    hand_over(shop)
    assert stocks() == {}
    assert states() == ["unreadable"]


def test_a_variant_that_is_gone_is_gone_though_the_stock_of_another_cannot_be_read(shop: Shop) -> None:
    guitar(shop, 0, variants="12")
    product(shop, 1, variant("1", "n/a"))
    hand_over(shop)
    assert stocks() == {"1": 3}


@pytest.mark.parametrize("odd", [None, "row", variant("1", 2) | {"id": None}, variant("x" * 65, 2)])
def test_a_row_without_an_id_hides_no_other_variant_and_ends_none(shop: Shop, odd: Any) -> None:
    guitar(shop, 0, variants="12")
    product(shop, 1, variant("1", 0), odd)
    hand_over(shop)
    assert stocks() == {"1": 0, "2": 3}
    assert note().startswith("Product 9: row 2 of its variants has no usable id")


@pytest.mark.parametrize("numbers", [(0, 0), (0, 3), (3, 0), ("n/a", 0), (0, None)])
def test_of_two_rows_of_one_variant_the_lower_stock_counts_and_no_variant_ends(shop: Shop, numbers: Any) -> None:
    guitar(shop, 0, variants="12")
    product(shop, 1, *(variant("1", stock) for stock in numbers))
    hand_over(shop)
    assert stocks() == {"1": 0, "2": 3}
    assert note().startswith("Product 9: two of its variants have the id 1, so the lower stock counts.")


# -- counts without a number ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("item", [{}, {"quantity": 0}, {"stock": ""}, {"stock": " "}, {"stock": "many"}], ids=str)
def test_a_count_that_says_no_number_is_named_and_the_old_number_stays(shop: Shop, item: dict[str, Any]) -> None:
    guitar(shop, 0, variants="12")
    counted(shop, 1, {"variant_id": "1", **item}, {"variant_id": "2", "stock": 1})
    hand_over(shop)
    assert stocks() == {"1": 3, "2": 1}
    assert note().startswith("Item 1 of the message says no stock that can be read.")


# -- one id in two products ----------------------------------------------------------------------------------------


def two(shop: Shop, *, skus: tuple[str, str] = ("A-17", "A-18")) -> None:
    """Let the store send products 17 and 18, each with a variant 1."""
    for number, sku, stock in (("17", skus[0], 5), ("18", skus[1], 1)):
        product(shop, int(number), variant("1", stock, sku=sku), number=number)


def owner() -> tuple[str, str]:
    """Return which product has variant 1, and its SKU."""
    found = Product.objects.get(store_product_id="1")
    return found.store_parent_id, found.sku


@pytest.mark.parametrize("skus", [("A-17", "A-18"), ("", "")])
def test_a_variant_id_that_another_product_has_is_refused_with_what_to_do(shop: Shop, skus: tuple[str, str]) -> None:
    two(shop, skus=skus)
    hand_over(shop)
    assert owner() == ("17", skus[0])
    assert stocks() == {"1": 5}
    entry = Entry.objects.get(reason="not_readable")
    assert entry.title == "Product 18"
    assert entry.message == (
        "Product 17 has the variant id 1 too, so this variant of product 18 is left out."
        " Give each variant an id that is unique in your store."
    )


@pytest.mark.parametrize("known", [True, False])
def test_a_crawl_leaves_a_variant_id_with_the_product_that_was_sent_first(shop: Shop, known: bool) -> None:
    two(shop)
    hand_over(shop)
    if not known:
        Product.objects.all().delete()
    crawls.begin(shop, Crawl.Kind.CATALOGUE)
    crawl_slices.run_slice(
        Crawl.objects.select_related("shop__store", "shop__sync_settings").get(kind=Crawl.Kind.CATALOGUE)
    )
    assert owner() == ("17", "A-17")
    assert stocks() == {"1": 5}


def test_a_variant_id_that_comes_with_the_same_sku_has_moved(shop: Shop) -> None:
    two(shop, skus=("A-1", "A-1"))
    hand_over(shop)
    assert owner() == ("18", "A-1")
    assert not Recheck.objects.exists()


def test_a_variant_id_is_free_once_its_product_is_gone(shop: Shop) -> None:
    two(shop)
    hand_over(shop)
    send(shop, "product.deleted", 20, id="17")
    hand_over(shop)
    look_again(Recheck.objects.select_related("shop__store", "shop__sync_settings").get())
    assert owner() == ("18", "A-18")
    assert stocks() == {"1": 1}
    assert not Recheck.objects.exists()


def test_the_other_variants_of_a_product_with_a_used_id_come_and_go(shop: Shop) -> None:
    product(shop, 17, variant("1", 5), number="17")
    product(shop, 18, variant("1", 1, sku="B"), variant("2", 2), variant("3", 3), number="18")
    hand_over(shop)
    assert stocks() == {"1": 5, "2": 2, "3": 3}
    product(shop, 19, variant("1", 1, sku="B"), variant("2", 2), number="18")
    hand_over(shop)
    assert stocks() == {"1": 5, "2": 2}


def test_a_message_that_was_put_aside_changes_nothing_newer_when_the_seller_retries_it(shop: Shop) -> None:
    guitar(shop, 0)
    counted(shop, 1, {"variant_id": "1", "stock": 2}, {"variant_id": "1"})
    sold(shop, 1)
    hand_over(shop)
    replay(Delivery.objects.filter(state=Delivery.State.UNREADABLE))
    hand_over(shop)
    assert stocks() == {"1": 0}
