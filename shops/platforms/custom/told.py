"""Keep what a seller's system tells, newer over older: the only place where this store can be read from."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.db import transaction

from shops.events import Event, ProductChanged, ProductDeleted
from shops.models import StoreConnection, ToldOrder, ToldProduct
from shops.platforms.custom import messages
from shops.wire import Part


def take(store: StoreConnection, data: Part) -> list[Event]:  # noqa: PLR0911 -- one for each kind of message
    """Keep one message's data; return which products to look at. A message that came before changes nothing."""
    with transaction.atomic():
        # One message of a store at a time: "newer over older" is decided on what is there.
        StoreConnection.objects.select_for_update(no_key=True).get(pk=store.pk)
        match data:
            case messages.Product():
                return _products(store, [data])
            case messages.Products():
                return _products(store, data.products)
            case messages.Deleted():
                return _deleted(store, data.id, data.updated_at)
            case messages.Counts():
                return _counted(store, data)
            case messages.Complete():
                return _complete(store, data)
            case messages.Order():
                return _order(store, data)
    return []


def _products(store: StoreConnection, told: list[messages.Product]) -> list[Event]:
    """Keep many at once; of two tellings of one product in a message the newer counts."""
    newest: dict[str, messages.Product] = {}
    for one in told:
        if one.id not in newest or newest[one.id].updated_at <= one.updated_at:
            newest[one.id] = one
    known = dict(ToldProduct.objects.filter(store=store, product_id__in=newest).values_list("product_id", "said_at"))
    rows = [
        ToldProduct(store=store, product_id=one.id, body=one.model_dump(mode="json"), said_at=one.updated_at)
        for one in newest.values()
        if one.id not in known or known[one.id] <= one.updated_at
    ]
    ToldProduct.objects.bulk_create(
        rows,
        update_conflicts=True,
        unique_fields=["store", "product_id"],
        update_fields=["body", "said_at", "deleted"],
    )
    return [ProductChanged(product_id) for product_id in newest]


def _deleted(store: StoreConnection, product_id: str, at: datetime) -> list[Event]:
    known = ToldProduct.objects.filter(store=store, product_id=product_id).first()
    _keep(store, product_id, at, known.body if known else {}, deleted=True)
    return [ProductDeleted(product_id)]


def _counted(store: StoreConnection, data: messages.Counts) -> list[Event]:
    """Take over the counts into the product as it is known; of an unknown one there is nothing to count."""
    known = ToldProduct.objects.filter(store=store, product_id=data.product_id, deleted=False).first()
    if known is None:
        return []
    counts = {one.variant_id: one.stock for one in data.items}
    rows = [{**row, "stock": counts.get(row["id"], row["stock"])} for row in known.body["variants"]]
    _keep(store, data.product_id, data.updated_at, {**known.body, "variants": rows}, deleted=False)
    return [ProductChanged(data.product_id)]


def answered(
    store: StoreConnection, product_id: str, variant_id: str, *, was: int, stock: int, at: datetime | None
) -> None:
    """Keep the number that the store answered to a change of ours, unless it has told another one since.

    It may tell us of our own change much later, or never. `at` is when its number was so, where it says that: what it
    told before and comes late changes nothing then.
    """
    with transaction.atomic():
        StoreConnection.objects.select_for_update(no_key=True).get(pk=store.pk)
        known = ToldProduct.objects.filter(store=store, product_id=product_id, deleted=False).first()
        if known is None:
            return
        for row in known.body["variants"]:
            if row["id"] == variant_id and row["stock"] == was:
                row["stock"] = stock
        if at is not None:
            known.said_at = max(known.said_at, at)
        known.save(update_fields=["body", "said_at"])


def _complete(store: StoreConnection, data: messages.Complete) -> list[Event]:
    there = set(data.ids)
    rows = ToldProduct.objects.filter(store=store, deleted=False, said_at__lte=data.updated_at)
    gone = [one for one in rows.values_list("product_id", flat=True).iterator() if one not in there]
    return [event for one in gone for event in _deleted(store, one, data.updated_at)]


def _order(store: StoreConnection, data: messages.Order) -> list[Event]:
    known = ToldOrder.objects.filter(store=store, order_id=data.id).first()
    if known is None or known.said_at <= data.updated_at:
        told = {"body": data.model_dump(mode="json"), "said_at": data.updated_at}
        ToldOrder.objects.update_or_create(store=store, order_id=data.id, defaults=told)
    return [ProductChanged(one) for one in dict.fromkeys(line.product_id for line in data.lines) if one]


def _keep(store: StoreConnection, product_id: str, at: datetime, body: dict[str, Any], *, deleted: bool) -> None:
    known = ToldProduct.objects.filter(store=store, product_id=product_id).first()
    if known is None or known.said_at <= at:
        told = {"body": body, "said_at": at, "deleted": deleted}
        ToldProduct.objects.update_or_create(store=store, product_id=product_id, defaults=told)
