"""Save what a seller's system pushes, the newest version of each; this data is the only source for reads."""

from __future__ import annotations

from django.db import transaction

from shops.events import Event, OrderChanged, ProductChanged, ProductDeleted
from shops.models import MissingProducts, PushedOrder, PushedProduct, StoreConnection
from shops.platforms.custom import messages, product_messages
from shops.platforms.custom.message_time import ARRIVED, MessageTime, is_newest, saved_time, time_of
from shops.platforms.custom.pushed_counts import save_counts
from shops.platforms.custom.pushed_products import save_products
from shops.platforms.errors import Unreadable
from shops.schemas import Part

#: If a complete list omits more than this share of the catalogue, the seller must confirm.
MOST_GONE_AT_ONCE = 0.1


def take(store: StoreConnection, data: Part, arrived: int = 0) -> list[Event]:
    """Save one message's data; return the events of its products. An older message changes nothing.

    `arrived` is its sequence number by arrival: messages may be processed, and reprocessed, in another order. Raise
    Unreadable, with the events of the rest, if some of a message's products cannot be read.
    """
    unread: list[str] = []
    with transaction.atomic():
        # One message per store at a time: the comparison with saved data must not race.
        StoreConnection.objects.select_for_update(no_key=True).get(pk=store.pk)
        events = _take(store, data, arrived, unread)
    if unread:
        raise Unreadable(" ".join(unread[:3]), events=events)
    return events


def _take(store: StoreConnection, data: Part, arrived: int, unread: list[str]) -> list[Event]:
    found: list[Event] = []
    match data:
        case product_messages.Product():
            found = save_products(store, [data], arrived, unread)
        case product_messages.Products():
            readable, words = messages.products(data.products)
            unread += words
            found = save_products(store, readable, arrived, unread)
        case product_messages.Deleted():
            found = _deleted(store, data.id, MessageTime(time_of(data.updated_at), arrived=arrived))
        case product_messages.Counts():
            found = save_counts(store, data, MessageTime(time_of(data.updated_at), True, arrived), unread)
            unread += data.unread
        case product_messages.Complete():
            found = _complete(store, data, arrived)
        case messages.Order():
            found = _order(store, data, MessageTime(time_of(data.updated_at), arrived=arrived))
    return found


def _deleted(store: StoreConnection, product_id: str, said: MessageTime) -> list[Event]:
    known = PushedProduct.objects.filter(store=store, product_id=product_id).first()
    if known is None or is_newest(said, saved_time(known)):
        body = (known.body if known else {}) | {ARRIVED: said.arrived}
        values = {"body": body, "said_at": said.at, "counted_at": None, "deleted": True}
        PushedProduct.objects.update_or_create(store=store, product_id=product_id, defaults=values)
    return [ProductDeleted(product_id)]


def _complete(store: StoreConnection, data: product_messages.Complete, arrived: int) -> list[Event]:
    """Mark products that the list omits as deleted, unless there are so many that the list is probably wrong."""
    at, there = time_of(data.updated_at), set(data.ids)
    known = PushedProduct.objects.filter(store=store, deleted=False)
    rows = known.filter(said_at__lte=at).values_list("product_id", flat=True)
    gone = [one for one in rows.iterator() if one not in there]
    MissingProducts.objects.filter(store=store).delete()
    if _doubtful(len(gone), of := known.count()):
        MissingProducts.objects.create(store=store, product_ids=gone, of=of, listed_at=at)
        return []
    said = MessageTime(at, arrived=arrived)
    return [event for one in gone for event in _deleted(store, one, said)]


def _doubtful(gone: int, of: int) -> bool:
    return gone > 0 and (gone == of or (gone > 1 and gone > of * MOST_GONE_AT_ONCE))


@transaction.atomic
def remove_missing(store: StoreConnection) -> None:
    """Mark the missing products as deleted, as the seller confirmed; what the store sent since then stays."""
    StoreConnection.objects.select_for_update(no_key=True).get(pk=store.pk)
    for missing in MissingProducts.objects.filter(store=store):
        rows = PushedProduct.objects.filter(store=store, product_id__in=missing.product_ids, deleted=False)
        rows.filter(said_at__lte=missing.listed_at).update(deleted=True, said_at=missing.listed_at)
        missing.delete()


def _order(store: StoreConnection, data: messages.Order, said: MessageTime) -> list[Event]:
    known = PushedOrder.objects.filter(store=store, order_id=data.id).first()
    if known is None or is_newest(said, saved_time(known)):
        body = data.model_dump(mode="json") | {ARRIVED: said.arrived}
        PushedOrder.objects.update_or_create(store=store, order_id=data.id, defaults={"body": body, "said_at": said.at})
    products = dict.fromkeys(line.product_id for line in data.lines)
    return [*(ProductChanged(one) for one in products if one), OrderChanged(data.id, products_reported=True)]
