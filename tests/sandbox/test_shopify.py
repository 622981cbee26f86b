"""The stand-in store speaks Shopify's GraphQL strictly, and signs its webhooks."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient
from graphql import parse, validate

from sandbox.catalogue import listings, products
from sandbox.shopify import graph
from sandbox.shopify.app import build
from shops.platforms.shopify import locations, product_queries, queries

DOMAIN = "s.myshopify.com"


@pytest.fixture
def client() -> FlaskClient:
    """Return a browser for a store with one product."""
    made = build(None, "http://store.test").test_client()
    made.post("/_control/shops", json={"domain": DOMAIN, "token": "t", "secret": "s"})
    row = {"sku": "A1", "price": "5.00", "inventory_quantity": 2}
    made.post("/_control/products", json={"domain": DOMAIN, "title": "Strat", "variants": [row]})
    return made


def ask(client: FlaskClient, query: str, token: str = "t", **variables: Any) -> Any:
    """Ask a GraphQL query."""
    body = {"query": query, "variables": variables}
    return client.post("/admin/api/2026-10/graphql.json", json=body, headers={"X-Shopify-Access-Token": token})


def product_of(client: FlaskClient) -> dict[str, Any]:
    """Return the product as the store keeps it."""
    [found] = client.get("/_control/products").get_json()
    return dict(found)


@pytest.mark.parametrize("name", [name for name in vars(queries) if name.isupper() and name != "VERSION"])
def test_every_document_of_ours_fits_the_published_schema(name: str) -> None:
    assert validate(graph.SCHEMA, parse(getattr(queries, name))) == []


@pytest.mark.parametrize("many", [0, 1, 2, 5, 10, 50, 124])
def test_no_query_costs_too_much_however_many_locations_a_store_has(many: int) -> None:
    wanted = locations.LevelLocations(tuple(f"gid://shopify/Location/{n}" for n in range(many)))
    page, first = locations.page_of(wanted, 15), locations.variants_of(wanted)
    for document, query in ((product_queries.PRODUCTS, page), (product_queries.PRODUCT, {"first": first})):
        whole = product_queries.with_levels(document, wanted.gids)
        assert validate(graph.SCHEMA, parse(whole)) == []
        assert whole.count("inventoryLevel(") == many
        assert graph.cost_of(whole, query) <= graph.MAX_COST


def test_all_documents_stand_in_the_files_for_queries() -> None:
    room = Path(queries.__file__).parent
    others = [path for path in room.glob("*.py") if not path.name.endswith("queries.py")]
    assert not [path.name for path in others if re.search(r"\b(query|mutation)\b[^=\n]*\{", path.read_text())]


def test_our_query_for_a_product_is_answered(client: FlaskClient) -> None:
    gid = f"gid://shopify/Product/{product_of(client)['id']}"
    found = ask(client, product_queries.PRODUCT, id=gid, first=4).get_json()["data"]["product"]
    assert (found["title"], found["variants"]["nodes"][0]["sku"]) == ("Strat", "A1")


def test_our_query_for_the_owner_of_stock_is_answered(client: FlaskClient) -> None:
    product = product_of(client)
    gid = f"gid://shopify/InventoryItem/{product['variants'][0]['inventory_item_id']}"
    node = ask(client, queries.STOCK_OWNER, id=gid).get_json()["data"]["inventoryItem"]["variants"]["nodes"][0]
    assert node["product"]["legacyResourceId"] == str(product["id"])


def test_a_field_that_is_not_in_the_schema_is_refused(client: FlaskClient) -> None:
    answer = ask(client, "{ shop { name bank } }")
    assert answer.status_code == 200
    assert "bank" in answer.get_json()["errors"][0]["message"]


def test_a_wrong_token_gets_401(client: FlaskClient) -> None:
    assert ask(client, queries.SHOP, token="x").status_code == 401


def test_another_stores_product_is_not_there(client: FlaskClient) -> None:
    client.post("/_control/shops", json={"domain": "o.myshopify.com", "token": "o", "secret": "s"})
    gid = f"gid://shopify/Product/{product_of(client)['id']}"
    assert ask(client, product_queries.PRODUCT, token="o", id=gid, first=4).get_json()["data"]["product"] is None


def test_an_empty_bucket_throttles_with_status_200_and_no_data(client: FlaskClient) -> None:
    client.post("/_control/limits", json={"size": 1, "restore": 1})
    try:
        gid = f"gid://shopify/Product/{product_of(client)['id']}"
        answer = ask(client, product_queries.PRODUCT, id=gid, first=4)
        assert answer.status_code == 200
        assert answer.get_json()["errors"][0]["extensions"]["code"] == "THROTTLED"
        assert "data" not in answer.get_json()
    finally:
        client.post("/_control/limits", json={"size": 2000, "restore": 100})


def test_a_query_that_costs_too_much_is_refused(client: FlaskClient) -> None:
    query = "{ products(first: 250) { nodes { id variants(first: 100) { nodes { id } } } } }"
    assert ask(client, query).get_json()["errors"][0]["extensions"]["code"] == "MAX_COST_EXCEEDED"


def test_a_new_count_does_not_change_the_products_date(client: FlaskClient) -> None:
    before = product_of(client)
    client.put(f"/_control/variants/{before['variants'][0]['id']}", json={"inventory_quantity": 9})
    assert product_of(client)["updated_at"] == before["updated_at"]


def test_the_catalogue_is_the_same_every_time_and_most_of_it_is_listed() -> None:
    made = products("http://store.test")
    assert made == products("http://store.test")
    assert len(made) == 200
    skus = [row["sku"] for wish in made for row in wish["variants"]]
    assert len(set(skus)) == len(skus)
    assert 130 <= len(listings(made)) <= 170
