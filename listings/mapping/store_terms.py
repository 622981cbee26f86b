"""The terms that a shop's store uses for its products, so that rules are selected, not typed from memory."""

from __future__ import annotations

from django.db import connection

from shops.models import Shop
from shops.models.rules import Group

#: The most frequent terms are offered; a store may have very many tags.
OFFERED = 300

_LISTED = """
SELECT word FROM listings_product, jsonb_array_elements_text(snapshot -> %s) AS word
WHERE shop_id = %s AND gone_at IS NULL GROUP BY word ORDER BY count(*) DESC, word LIMIT %s
"""
_SINGLE = """
SELECT snapshot ->> %s AS word FROM listings_product
WHERE shop_id = %s AND gone_at IS NULL AND snapshot ->> %s <> '' GROUP BY 1 ORDER BY count(*) DESC, 1 LIMIT %s
"""
_KEYS = """
SELECT word FROM listings_product, jsonb_object_keys(snapshot -> 'attributes') AS word
WHERE shop_id = %s AND gone_at IS NULL GROUP BY word ORDER BY count(*) DESC, word LIMIT %s
"""


def groups(shop: Shop) -> dict[str, list[str]]:
    """Return the store's terms for each way of grouping, the most frequent first."""
    return {
        Group.TAG.value: _words(_LISTED, "tags", shop.pk, OFFERED),
        Group.COLLECTION.value: _words(_LISTED, "collections", shop.pk, OFFERED),
        Group.PRODUCT_TYPE.value: _words(_SINGLE, "product_type", shop.pk, "product_type", OFFERED),
        Group.VENDOR.value: _words(_SINGLE, "vendor", shop.pk, "vendor", OFFERED),
    }


def attributes(shop: Shop) -> list[str]:
    """Return the names of attributes, metafields and custom fields, the most frequent first."""
    return _words(_KEYS, shop.pk, OFFERED)


def _words(sql: str, *values: str | int) -> list[str]:
    with connection.cursor() as cursor:
        cursor.execute(sql, values)
        return [row[0] for row in cursor.fetchall()]
