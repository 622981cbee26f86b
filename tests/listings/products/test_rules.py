"""Rules and products: what a seller says there is kept, shown with its origin, and reaches nobody else's shop."""

from __future__ import annotations

from decimal import Decimal

import pytest
from django.urls import reverse

from listings.mapping import selection
from listings.models import Job, Product
from reverbsync import clock
from shops.models import MappingRule, SelectionRule, Shop, SyncSettings
from shops.reverb import reference
from shops.reverb.lists import Choice
from tests.pages.test_pages import signed_in
from tests.people import nora, olivia, product_of, shop_of
from tests.responses import Response

pytestmark = pytest.mark.django_db

VERY_GOOD, LEAF = "ae4d9114-1bd7-4ec5-a4ba-6653af5ac84d", "dfd39027-d134-4353-b9e4-57dc6be791b9"


@pytest.fixture
def shop() -> Shop:
    """Return Olivia's shop; Reverb's lists are known."""
    made = shop_of(olivia())
    name = made.reverb.budget
    tomorrow = clock.now().timestamp() + reference.DAY_S
    reference.keep("categories", [Choice(LEAF, "Electric Guitars / Solid Body")], until=tomorrow)
    reference.keep(f"conditions:{name}", [Choice(VERY_GOOD, "Very Good")], until=tomorrow)
    reference.keep(f"profiles:{name}", [Choice("7", "Guitars")], until=tomorrow)
    return made


def post(shop: Shop, name: str, *ids: object, **said: str) -> Response:
    """Send a form as Olivia."""
    return signed_in(olivia()).post(reverse(f"listings:{name}", args=[shop.pk, *ids]), said)


def shown(shop: Shop, name: str, *ids: object, query: str = "") -> str:
    """Return a page as Olivia sees it."""
    response = signed_in(olivia()).get(reverse(f"listings:{name}", args=[shop.pk, *ids]) + query)
    assert response.status_code == 200
    return response.content.decode()


# -- which products go ---------------------------------------------------------------------------------------------


def test_a_group_is_chosen_by_the_stores_word_whatever_its_case(shop: Shop) -> None:
    vintage, other = product_of(shop, tags=("Vintage",)), product_of(shop, store_product_id="22", sku="B")
    post(shop, "save_rules", "selection", selection="chosen")
    post(shop, "save_rules", "groups", by="tag", value="vintage")
    assert selection.chosen(Shop.objects.get(pk=shop.pk), [vintage, other]) == [vintage]
    assert "vintage" in shown(shop, "rules")


def test_a_removed_group_is_gone(shop: Shop) -> None:
    post(shop, "save_rules", "groups", by="vendor", value="Fender")
    post(shop, "remove_rule", "groups", SelectionRule.objects.get().pk)
    assert not SelectionRule.objects.exists()


def test_the_same_group_twice_is_said_so(shop: Shop) -> None:
    post(shop, "save_rules", "groups", by="vendor", value="Fender")
    again = post(shop, "save_rules", "groups", by="vendor", value="Fender")
    assert again.status_code == 422
    assert b"already" in again.content


def test_a_product_is_switched_off_and_on_by_itself(shop: Shop) -> None:
    product = product_of(shop)
    post(shop, "switch", product.pk, "off")
    product.refresh_from_db()
    assert selection.chosen(shop, [product]) == []
    assert "does not go" in shown(shop, "products")
    post(shop, "switch", product.pk, "on")
    product.refresh_from_db()
    assert selection.chosen(shop, [product]) == [product]
    assert Job.objects.filter(product=product).exists()


def test_what_is_sold_out_is_looked_at_even_when_it_does_not_go(shop: Shop) -> None:
    product = product_of(shop, stock=0)
    post(shop, "switch", product.pk, "off")
    product.refresh_from_db()
    assert selection.chosen(shop, [product]) == [product]


# -- what listings say ---------------------------------------------------------------------------------------------


def test_a_rule_is_chosen_from_reverbs_list_and_shown_by_name(shop: Shop) -> None:
    post(shop, "save_rules", "mapping", by="vendor", value="Fender", field="condition", says=VERY_GOOD)
    assert MappingRule.objects.get().says == VERY_GOOD
    page = shown(shop, "rules")
    assert page.count("Very Good") >= 2  # in the rule, and in the list to choose from


def test_what_is_not_in_reverbs_list_is_refused(shop: Shop) -> None:
    answer = post(shop, "save_rules", "mapping", by="vendor", value="Fender", field="category", says="no-such-one")
    assert answer.status_code == 422
    assert not MappingRule.objects.exists()


def test_the_input_of_a_rule_follows_the_field(shop: Shop) -> None:
    assert "Solid Body" in shown(shop, "says", query="?field=category")
    assert "<select" not in shown(shop, "says", query="?field=finish")


def test_make_and_model_are_taken_from_an_attribute_that_the_store_uses(shop: Shop) -> None:
    product_of(shop, attributes={"Maker": "Fender"})
    post(shop, "save_rules", "wording", make_from="Maker", model_from="")
    assert SyncSettings.objects.get(shop=shop).make_from == "Maker"
    assert post(shop, "save_rules", "wording", make_from="Nothing", model_from="").status_code == 422


def test_each_value_of_a_product_says_where_it_comes_from(shop: Shop) -> None:
    post(shop, "save_rules", "mapping", by="tag", value="vintage", field="year", says="1972")
    product = product_of(shop, vendor="", tags=("vintage", "condition: Very Good"), barcode="885978110803")
    page = shown(shop, "product", product.pk)
    for words in ("Tag: vintage", "condition: Very Good", "barcode", "guessed", "your default"):
        assert words in page


def test_the_sellers_own_value_for_a_product_wins(shop: Shop) -> None:
    product = product_of(shop)
    answer = post(shop, "product", product.pk, choice="", make="Squier", upc="885 978-110803")
    assert answer.status_code == 302
    product.refresh_from_db()
    assert product.overrides == {"make": "Squier", "upc": "885978110803"}
    assert "set for this product" in shown(shop, "product", product.pk)
    assert Job.objects.filter(product=product).exists()


def test_a_upc_of_letters_is_refused_with_a_sentence(shop: Shop) -> None:
    product = product_of(shop)
    answer = post(shop, "product", product.pk, choice="", upc="none")
    assert answer.status_code == 422
    assert b"digits" in answer.content


# -- prices --------------------------------------------------------------------------------------------------------


def test_a_price_rule_is_shown_on_a_real_product(shop: Shop) -> None:
    product_of(shop, price=Decimal("100.00"))
    post(shop, "save_rules", "price", price_percent="5", price_amount="2", price_rounding="99", price_floor="0")
    assert "106.99" in shown(shop, "rules")


@pytest.mark.parametrize("said", [{"price_percent": "-100"}, {"price_floor": "-1"}, {"price_percent": "much"}])
def test_a_price_rule_that_makes_no_sense_is_refused(shop: Shop, said: dict[str, str]) -> None:
    whole = {"price_percent": "0", "price_amount": "0", "price_rounding": "", "price_floor": "0", **said}
    assert post(shop, "save_rules", "price", **whole).status_code == 422
    assert SyncSettings.objects.get(shop=shop).price_percent == 0


def test_all_products_that_go_are_brought_in_line_at_once(shop: Shop) -> None:
    goes, stays = product_of(shop), product_of(shop, store_product_id="22", sku="B")
    Product.objects.filter(pk=stays.pk).update(choice="off")
    post(shop, "bring_in_line")
    assert list(Job.objects.values_list("product", flat=True)) == [goes.pk]


# -- other people --------------------------------------------------------------------------------------------------


def test_a_strangers_product_and_rules_are_404(shop: Shop) -> None:
    product = product_of(shop)
    theirs = shop_of(nora(), "Noras")
    client = signed_in(nora())
    assert client.get(reverse("listings:product", args=[shop.pk, product.pk])).status_code == 404
    assert client.get(reverse("listings:product", args=[theirs.pk, product.pk])).status_code == 404
    assert client.post(reverse("listings:switch", args=[theirs.pk, product.pk, "off"])).status_code == 404
    rule = SelectionRule.objects.create(shop=shop, by="tag", value="x")
    assert client.post(reverse("listings:remove_rule", args=[theirs.pk, "groups", rule.pk])).status_code == 404
    assert client.post(reverse("listings:save_rules", args=[theirs.pk, "nothing"])).status_code == 404
