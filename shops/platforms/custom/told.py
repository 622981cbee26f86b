"""Keep what a seller's system tells, newer over older: the only place where this store can be read from."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from django.db import transaction

from reverbsync import clock
from shops.events import Event, OrderChanged, ProductChanged, ProductDeleted
from shops.models import MissingProducts, StoreConnection, ToldOrder, ToldProduct
from shops.platforms.custom import messages
from shops.platforms.values import Unreadable
from shops.wire import Part

#: How far a sender's clock may be ahead (as for signatures). A stamp beyond counts as now: it would freeze a product.
AHEAD = timedelta(seconds=300)
#: When a product was sent of which only the stock is known: before whatever comes.
LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)
#: Where a complete list leaves out more than this part of the catalogue, the seller is asked first.
MOST_GONE_AT_ONCE = 0.1
#: Key in a variant's row: the sender's stamp of its stock. Missing: as old as the product's.
COUNTED_AT = "counted_at"
#: Key in a product's body: counts of variants that it does not have yet. So many are kept.
WAITING, MOST_WAITING = "waiting", 250


def take(store: StoreConnection, data: Part) -> list[Event]:
    """Keep one message's data; return which products to look at. A message that came before changes nothing.

    Raises Unreadable, with the events of the rest, where some of a message's products cannot be read.
    """
    unread: list[str] = []
    with transaction.atomic():
        # One message of a store at a time: "newer over older" is decided on what is there.
        StoreConnection.objects.select_for_update(no_key=True).get(pk=store.pk)
        events = _take(store, data, unread)
    if unread:
        raise Unreadable(" ".join(unread[:3]), events=events)
    return events


def knows_what_it_counts(store: StoreConnection, data: Part) -> bool:
    """Tell whether a message counts nothing that a message before it may have to introduce."""
    if not isinstance(data, messages.Counts):
        return True
    known = ToldProduct.objects.filter(store=store, product_id=data.product_id, deleted=False).first()
    return known is not None and {one.variant_id for one in data.items} <= {row["id"] for row in known.body["variants"]}


def _take(store: StoreConnection, data: Part, unread: list[str]) -> list[Event]:
    found: list[Event] = []
    match data:
        case messages.Product():
            found = _products(store, [data])
        case messages.Products():
            readable, words = messages.products(data.products)
            unread += words
            found = _products(store, readable)
        case messages.Deleted():
            found = _deleted(store, data.id, _at(data.updated_at))
        case messages.Counts():
            found = _counted(store, data, unread)
            unread += data.unread
        case messages.Complete():
            found = _complete(store, data)
        case messages.Order():
            found = _order(store, data)
    return found


def _at(stamp: datetime) -> datetime:
    """Return a sender's stamp, now where it is too far ahead."""
    now = clock.now()
    return now if stamp > now + AHEAD else stamp


def _newer(stamp: datetime, kept: datetime) -> bool:
    """Tell whether what bears `stamp` is at least as new as what was kept. A kept stamp too far ahead says nothing."""
    return kept > clock.now() + AHEAD or kept <= _at(stamp)


def _products(store: StoreConnection, told: list[messages.Product]) -> list[Event]:
    """Keep many at once; of two tellings of one product in a message the newer counts."""
    newest: dict[str, messages.Product] = {}
    for one in told:
        if one.id not in newest or newest[one.id].updated_at <= one.updated_at:
            newest[one.id] = one
    known = {row.product_id: row for row in ToldProduct.objects.filter(store=store, product_id__in=newest)}
    rows = [
        _row(store, one, known.get(one.id))
        for one in newest.values()
        if one.id not in known or _newer(one.updated_at, known[one.id].said_at)
    ]
    ToldProduct.objects.bulk_create(
        rows,
        update_conflicts=True,
        unique_fields=["store", "product_id"],
        update_fields=["body", "said_at", "counted_at", "deleted"],
    )
    return [ProductChanged(product_id) for product_id in newest]


def _row(store: StoreConnection, one: messages.Product, known: ToldProduct | None) -> ToldProduct:
    """Return a product as it was sent; a variant's stock stays what it is where that was counted later."""
    at, body = _at(one.updated_at), one.model_dump(mode="json")
    if known is None or known.counted_at is None:
        return ToldProduct(store=store, product_id=one.id, body=body, said_at=at)
    later = {
        row["id"]: {"stock": row["stock"], COUNTED_AT: counted_at.isoformat()}
        for row in [*known.body["variants"], *known.body.get(WAITING, [])]
        if not _newer(one.updated_at, counted_at := _counted_at(known, row))
    }
    body["variants"] = [row | later.get(row["id"], {COUNTED_AT: at.isoformat()}) for row in body["variants"]]
    there = {row["id"] for row in body["variants"]}
    body[WAITING] = [row for row in known.body.get(WAITING, []) if row["id"] not in there]
    counted = known.counted_at if later else None
    return ToldProduct(store=store, product_id=one.id, body=body, said_at=at, counted_at=counted)


def _counted_at(known: ToldProduct, row: dict[str, Any]) -> datetime:
    """Return the stamp of a variant's stock: each is counted by itself, and messages may come out of order."""
    said = row.get(COUNTED_AT)
    return datetime.fromisoformat(said) if said else known.counted_at or known.said_at


def _count(known: ToldProduct, counts: dict[str, int | None], at: datetime) -> None:
    """Take the counts that are at least as new as those known."""
    stamps = {row["id"]: _counted_at(known, row) for row in known.body["variants"]}
    for row in known.body["variants"]:
        row[COUNTED_AT] = stamps[row["id"]].isoformat()
        if row["id"] in counts and _newer(at, stamps[row["id"]]):
            row |= {"stock": counts[row["id"]], COUNTED_AT: _at(at).isoformat()}
    if new := [one for one in counts if one not in stamps]:
        rows = {row["id"]: row for row in known.body.get(WAITING, [])}
        rows |= {one: {"id": one, "stock": counts[one], COUNTED_AT: _at(at).isoformat()} for one in new}
        known.body[WAITING] = list(rows.values())[-MOST_WAITING:]
    known.counted_at = max(_at(at), _at(known.counted_at or known.said_at))
    known.save(update_fields=["body", "counted_at"])


def _deleted(store: StoreConnection, product_id: str, at: datetime) -> list[Event]:
    known = ToldProduct.objects.filter(store=store, product_id=product_id).first()
    if known is None or _newer(at, known.said_at):
        told = {"body": known.body if known else {}, "said_at": at, "counted_at": None, "deleted": True}
        ToldProduct.objects.update_or_create(store=store, product_id=product_id, defaults=told)
    return [ProductDeleted(product_id)]


def _counted(store: StoreConnection, data: messages.Counts, unread: list[str]) -> list[Event]:
    """Take over the counts into the product as it is known; those of one that is not sent yet wait for it.

    So do those of a variant that it does not have, but that is told: an id is written otherwise elsewhere, perhaps.
    """
    known = ToldProduct.objects.filter(store=store, product_id=data.product_id).first()
    if known is None:
        known = ToldProduct(store=store, product_id=data.product_id, body={}, said_at=LONG_AGO, deleted=True)
        known.save()
    if known.deleted:
        if not _newer(data.updated_at, known.said_at):
            return []
        there = {row["id"]: row for row in known.body["variants"]} if known.counted_at is not None else {}
        unknown = {one: {"id": one, "stock": None, COUNTED_AT: LONG_AGO.isoformat()} for one in data.counts}
        known.body = {"variants": list((unknown | there).values())}
    names = {row["id"] for row in known.body["variants"]}
    unread += [
        f"Product {data.product_id} has no variant with the id {one}." for one in data.counts if one not in names
    ]
    _count(known, data.counts, data.updated_at)
    return [] if known.deleted else [ProductChanged(data.product_id)]


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
        row = next((one for one in known.body["variants"] if one["id"] == variant_id), None)
        if row is not None and at is not None:
            # What it answered is later than what it told before, however coarse the clock of its answers is.
            at = max(at, _counted_at(known, row))
            _count(known, {variant_id: stock if row["stock"] == was else row["stock"]}, at)
        elif row is not None and row["stock"] == was:
            row["stock"] = stock
            known.save(update_fields=["body"])


def _complete(store: StoreConnection, data: messages.Complete) -> list[Event]:
    """Take what the list leaves out for gone, unless that is so much that the list is more likely wrong."""
    at, there = _at(data.updated_at), set(data.ids)
    known = ToldProduct.objects.filter(store=store, deleted=False)
    rows = known.filter(said_at__lte=at).values_list("product_id", flat=True)
    gone = [one for one in rows.iterator() if one not in there]
    MissingProducts.objects.filter(store=store).delete()
    if _doubtful(len(gone), of := known.count()):
        MissingProducts.objects.create(store=store, product_ids=gone, of=of, listed_at=at)
        return []
    return [event for one in gone for event in _deleted(store, one, at)]


def _doubtful(gone: int, of: int) -> bool:
    return gone > 0 and (gone == of or (gone > 1 and gone > of * MOST_GONE_AT_ONCE))


@transaction.atomic
def remove_missing(store: StoreConnection) -> None:
    """Take the missing products for gone, as the seller confirmed; what the store sent since then stays."""
    StoreConnection.objects.select_for_update(no_key=True).get(pk=store.pk)
    for missing in MissingProducts.objects.filter(store=store):
        rows = ToldProduct.objects.filter(store=store, product_id__in=missing.product_ids, deleted=False)
        rows.filter(said_at__lte=missing.listed_at).update(deleted=True, said_at=missing.listed_at)
        missing.delete()


def _order(store: StoreConnection, data: messages.Order) -> list[Event]:
    known = ToldOrder.objects.filter(store=store, order_id=data.id).first()
    if known is None or _newer(data.updated_at, known.said_at):
        told = {"body": data.model_dump(mode="json"), "said_at": _at(data.updated_at)}
        ToldOrder.objects.update_or_create(store=store, order_id=data.id, defaults=told)
    products = dict.fromkeys(line.product_id for line in data.lines)
    return [*(ProductChanged(one) for one in products if one), OrderChanged(data.id, products_told=True)]
