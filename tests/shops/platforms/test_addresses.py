"""Addresses of stores: what a person types, and which of them name one store."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shops.platforms import PLATFORMS, addresses


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("https://www.shop.example.com", "https://shop.example.com/"),
        ("http://shop.example.com/index.php/", "https://shop.example.com"),
        ("https://shop.example.com:443/store/", "https://SHOP.example.com/store"),
        ("https://münchen.example.com", "https://xn--mnchen-3ya.example.com/"),
        ("guitars.myshopify.com", "guitars.myshopify.com"),
    ],
)
def test_spellings_of_one_store_are_the_same(one: str, other: str) -> None:
    assert addresses.same_address(one, other)
    assert addresses.within(one, other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("https://shop.example.com/a", "https://shop.example.com/b"),
        ("https://shop.example.com", "https://shop.example.org"),
        ("https://shop.example.com:8443", "https://shop.example.com"),
        ("guitars.myshopify.com", "basses.myshopify.com"),
        ("http://[", "https://shop.example.com"),
    ],
)
def test_different_stores_are_not(one: str, other: str) -> None:
    assert not addresses.same_address(one, other)
    assert not addresses.within(one, other)


def test_a_store_code_lies_within_its_store_and_is_another_address() -> None:
    code, store = "https://shop.example.com/index.php/default/", "https://www.shop.example.com"
    assert addresses.within(code, store)
    assert addresses.within(store, code)
    assert not addresses.same_address(code, store)
    assert not addresses.within("https://shop.example.com/defaults", "https://shop.example.com/default")


@pytest.mark.parametrize(
    "typed",
    ["https://na1.api.commerce.adobe.com/AbC123/", "na1-sandbox.api.commerce.adobe.com", "https://commerce.adobe.com"],
)
def test_adobes_cloud_service_is_no_magento_and_is_refused_in_words(typed: str) -> None:
    with pytest.raises(ValueError, match="Adobe Commerce as a Cloud Service"):
        PLATFORMS["magento2"].read_address(typed)


def test_a_store_on_adobes_cloud_infrastructure_is_a_magento() -> None:
    assert PLATFORMS["magento2"].read_address("https://mcprod.example.com/") == "https://mcprod.example.com"
    assert PLATFORMS["magento2"].read_address("https://notcommerce.adobe.com.example.org")


@pytest.mark.parametrize("kind", sorted(PLATFORMS))
@given(
    text=st.text(max_size=40) | st.sampled_from(["http://[", "https://x:99999", "//", "https://a b.test", "a\nb.test"])
)
def test_whatever_is_typed_is_an_address_or_a_sentence(kind: str, text: str) -> None:
    try:
        read = PLATFORMS[kind].read_address(text)
    except ValueError as error:
        words = str(error)
    else:
        words = "It was read the same again." if PLATFORMS[kind].read_address(read) == read else ""
    assert words.endswith(".")
    assert " " in words
