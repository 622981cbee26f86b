"""Export all data of a shop as one JSON document, streamed row by row so that its size does not matter.

Secrets are left out: tokens and keys belong to the connection and would help only a thief.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from django.core.serializers.json import DjangoJSONEncoder
from django.db.models import QuerySet

from listings.models import Crawl, Ledger, Listing, Order, Parcel, Product, Recheck
from shops.models import (
    MappingRule,
    Membership,
    PushedOrder,
    PushedProduct,
    ReverbConnection,
    SelectionRule,
    Shop,
    StoreConnection,
    SyncSettings,
)
from synclog.models import Entry
from webhooks.models import Delivery

BATCH = 500

_STORE = (
    "platform",
    "address",
    "name",
    "currency",
    "removed_at",
    "problem",
    "hooks",
    "hooks_checked_at",
)
_REVERB = (
    "account",
    "account_id",
    "currency",
    "sandbox",
    "by_oauth",
    "problem",
    "checked_at",
    "hooks",
    "hooks_checked_at",
    "orders_read_at",
)
_DELIVERY = ("source", "delivery_id", "topic", "received_at", "state", "note")
_ENTRY = tuple(field.attname for field in Entry._meta.concrete_fields if not field.generated)


def document(shop: Shop) -> Iterator[str]:
    """Yield the document in pieces."""
    yield '{"shop": ' + _json({"id": shop.pk, "name": shop.name, "created_at": shop.created_at})
    for name, rows in _parts(shop).items():
        yield f', "{name}": ['
        for number, row in enumerate(rows.iterator(chunk_size=BATCH)):
            yield (", " if number else "") + _json(row)
        yield "]"
    yield "}\n"


def _parts(shop: Shop) -> dict[str, QuerySet[Any, dict[str, Any]]]:
    mine = {"shop": shop}
    return {
        "people": Membership.objects.filter(**mine).values("person__email", "role"),
        "store": StoreConnection.objects.filter(**mine).values(*_STORE),
        "reverb": ReverbConnection.objects.filter(**mine).values(*_REVERB),
        "settings": SyncSettings.objects.filter(**mine).values(),
        "selection_rules": SelectionRule.objects.filter(**mine).values("by", "value"),
        "mapping_rules": MappingRule.objects.filter(**mine).values("by", "value", "field", "says"),
        "products": Product.objects.filter(**mine).order_by("pk").values(),
        "listings": Listing.objects.filter(**mine).order_by("pk").values(),
        "stock": Ledger.objects.filter(listing__shop=shop).order_by("pk").values(),
        "reverb_orders": Order.objects.filter(**mine).order_by("pk").values(),
        "parcels": Parcel.objects.filter(order__shop=shop).order_by("pk").values(),
        "products_not_read": Recheck.objects.filter(**mine).order_by("pk").values(),
        "crawls": Crawl.objects.filter(**mine).values(),
        "pushed_products": PushedProduct.objects.filter(store__shop=shop).order_by("pk").values(),
        "pushed_orders": PushedOrder.objects.filter(store__shop=shop).order_by("pk").values(),
        "deliveries": Delivery.objects.filter(**mine).order_by("pk").values(*_DELIVERY),
        "sync_log": Entry.objects.filter(**mine).order_by("at", "pk").values(*_ENTRY),
    }


def _json(value: object) -> str:
    return json.dumps(value, cls=DjangoJSONEncoder, ensure_ascii=False)
