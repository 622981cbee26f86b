"""Save what a seller's system pushes, the newest version of each; this data is the only source for reads."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from django.db import transaction

from reverbsync import clock
from shops.events import Event, OrderChanged, ProductChanged, ProductDeleted
from shops.models import MissingProducts, PushedOrder, PushedProduct, StoreConnection
from shops.platforms.custom import fields, messages, product_messages
from shops.platforms.values import Unreadable
from shops.schemas import Part

#: How far a sender's clock may be ahead (as for signatures). A later stamp counts as now, else it would freeze a
#: product.
AHEAD = timedelta(seconds=300)
#: Stamp of a product of which only the stock is known: older than any message.
LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)
#: If a complete list omits more than this share of the catalogue, the seller must confirm.
MOST_GONE_AT_ONCE = 0.1
#: Key in a variant's row: its stock's timestamp, if a count set it after the product.
COUNTED_AT = "counted_at"
#: Key in a body or a variant's row: sequence number of its delivery by arrival; 0 if unknown.
ARRIVED = "arrived"
#: Key in a product's body: counts of variants that it does not have yet, and the most to save.
WAITING, MOST_WAITING = "waiting", 250


class Said(NamedTuple):
    """A message's place in time: by timestamp; for equal timestamps, a count after its product; then by arrival.

    Timestamps often are whole seconds: the edit that a sale causes has the same one as the sale's count.
    """

    at: datetime
    is_count: bool = False
    arrived: int = 0


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


def knows_what_it_counts(store: StoreConnection, data: Part) -> bool:
    """Return whether a message counts no variant that an earlier message may have to introduce."""
    if not isinstance(data, product_messages.Counts):
        return True
    known = PushedProduct.objects.filter(store=store, product_id=data.product_id, deleted=False).first()
    return known is not None and {one.variant_id for one in data.items} <= {row["id"] for row in known.body["variants"]}


def _take(store: StoreConnection, data: Part, arrived: int, unread: list[str]) -> list[Event]:
    found: list[Event] = []
    match data:
        case product_messages.Product():
            found = _products(store, [data], arrived, unread)
        case product_messages.Products():
            readable, words = messages.products(data.products)
            unread += words
            found = _products(store, readable, arrived, unread)
        case product_messages.Deleted():
            found = _deleted(store, data.id, Said(_at(data.updated_at), arrived=arrived))
        case product_messages.Counts():
            found = _counted(store, data, Said(_at(data.updated_at), True, arrived), unread)
            unread += data.unread
        case product_messages.Complete():
            found = _complete(store, data, arrived)
        case messages.Order():
            found = _order(store, data, Said(_at(data.updated_at), arrived=arrived))
    return found


def _at(stamp: datetime) -> datetime:
    """Return a sender's timestamp, or now if it is too far ahead."""
    now = clock.now()
    return now if stamp > now + AHEAD else stamp


def _is_newest(said: Said, kept: Said) -> bool:
    """Return whether nothing newer than `said` is saved. A saved timestamp too far ahead is ignored."""
    return kept.at > clock.now() + AHEAD or kept <= said


def _kept(known: PushedProduct | PushedOrder) -> Said:
    return Said(known.said_at, arrived=known.body.get(ARRIVED, 0))


def _kept_number(known: PushedProduct, row: dict[str, Any]) -> Said:
    """Return the place in time of a variant's stock; each has its own, since messages may arrive out of order."""
    at = row.get(COUNTED_AT)
    return Said(datetime.fromisoformat(at), True, row.get(ARRIVED, 0)) if at else _kept(known)


def _stamp(said: Said) -> dict[str, Any]:
    return {COUNTED_AT: said.at.isoformat(), ARRIVED: said.arrived}


def _newer_number(known: PushedProduct, row: dict[str, Any], stock: int | None, said: Said) -> dict[str, Any]:
    """Return what a number changes in a variant's row: nothing if a newer one is saved.

    For equal timestamps the later arrival counts, or the lower number if the order is unknown.
    """
    kept = _kept_number(known, row)
    if said[:2] == kept[:2] and not (said.arrived and kept.arrived):
        stock = fields.lower((row["stock"], stock))
    elif not _is_newest(said, kept):
        return {}
    return {"stock": stock, **(_stamp(said) if said.is_count else {})}


def _products(
    store: StoreConnection, sent: list[product_messages.Product], arrived: int, unread: list[str]
) -> list[Event]:
    """Save many products at once; the newer of two versions of one product in a message counts."""
    newest: dict[str, product_messages.Product] = {}
    for one in sent:
        if one.id not in newest or newest[one.id].updated_at <= one.updated_at:
            newest[one.id] = one
    known = {row.product_id: row for row in PushedProduct.objects.filter(store=store, product_id__in=newest)}
    rows = []
    for one in newest.values():
        said, was = Said(_at(one.updated_at), arrived=arrived), known.get(one.id)
        if was is None or _is_newest(said, _kept(was)):
            rows.append(_row(store, one, was, said, unread))
    found = [row for row in rows if row.body["variants"]]
    PushedProduct.objects.bulk_create(
        found,
        update_conflicts=True,
        unique_fields=["store", "product_id"],
        update_fields=["body", "said_at", "counted_at", "deleted"],
    )
    there = {*known, *(row.product_id for row in found)}
    return [ProductChanged(product_id) for product_id in newest if product_id in there]


def _row(
    store: StoreConnection, one: product_messages.Product, known: PushedProduct | None, said: Said, unread: list[str]
) -> PushedProduct:
    """Return the row of a product as sent. What is unreadable, or was counted later, keeps its value."""
    there, waiting = _rows_of(known)
    words = list(one.unread)
    rows = _variants(one, known, said, there | waiting, words)
    if known is not None and one.unread:
        named = {variant.id for variant in one.variants}
        rows += [row | _stamp(_kept_number(known, row)) for row in there.values() if row["id"] not in named]
    taken = {row["id"] for row in rows}
    body = one.model_dump(mode="json") | {
        "variants": rows,
        "for_sale": _for_sale(one, known, words),
        WAITING: [row for row in waiting.values() if row["id"] not in taken][-MOST_WAITING:],
        ARRIVED: said.arrived,
    }
    unread += [f"Product {one.id}: {sentence}" for sentence in words]
    counted_at = max((datetime.fromisoformat(row[COUNTED_AT]) for row in rows if COUNTED_AT in row), default=None)
    return PushedProduct(store=store, product_id=one.id, body=body, said_at=said.at, counted_at=counted_at)


def _variants(
    one: product_messages.Product, known: PushedProduct | None, said: Said, was: dict[str, Any], words: list[str]
) -> list[dict[str, Any]]:
    """Return the rows of a product's variants, each with its valid number; `was` maps ids to the known ones."""
    rows = []
    for variant in one.variants:
        row, kept = variant.model_dump(mode="json"), was.get(variant.id)
        if not variant.says_stock:
            stays = "the variant is left out" if kept is None else "its number stays as it was"
            words.append(f"the stock of variant {variant.id} cannot be read, so {stays}. {fields.WHAT_TO_SEND}")
        if known is not None and kept is not None:
            newer = _newer_number(known, kept, variant.stock, said) if variant.says_stock else {}
            rows.append(row | (newer or {"stock": kept["stock"], **_stamp(_kept_number(known, kept))}))
        elif variant.says_stock:
            rows.append(row)
    return rows


def _for_sale(one: product_messages.Product, known: PushedProduct | None, words: list[str]) -> bool:
    """Return whether a product is for sale. If that was never said, it is not."""
    if one.for_sale is not None:
        return one.for_sale
    was = known is not None and not known.deleted and bool(known.body["for_sale"])
    words.append(f"for_sale cannot be read, so it stays {'on' if was else 'off'} sale. Send true or false.")
    return was


def _rows_of(known: PushedProduct | None) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return a product's variants by id, and the counts that wait for one, as all of a deleted product's do."""
    if known is None or (known.deleted and known.counted_at is None):
        return {}, {}
    there, waiting = ({row["id"]: row for row in known.body.get(key, [])} for key in ("variants", WAITING))
    return ({}, waiting | there) if known.deleted else (there, waiting)


def _count(known: PushedProduct, counts: dict[str, int | None], said: Said) -> None:
    """Save the counts that are not older than the saved ones."""
    rows = [*known.body["variants"], *known.body.get(WAITING, [])]
    for row in rows:
        if row["id"] in counts:
            row.update(_newer_number(known, row, counts[row["id"]], said))
    new = [{"id": one, "stock": counts[one], **_stamp(said)} for one in counts.keys() - {row["id"] for row in rows}]
    known.body[WAITING] = [*known.body.get(WAITING, []), *new][-MOST_WAITING:]
    known.counted_at = max(said.at, _at(known.counted_at or known.said_at))
    known.save(update_fields=["body", "counted_at"])


def _deleted(store: StoreConnection, product_id: str, said: Said) -> list[Event]:
    known = PushedProduct.objects.filter(store=store, product_id=product_id).first()
    if known is None or _is_newest(said, _kept(known)):
        body = (known.body if known else {}) | {ARRIVED: said.arrived}
        values = {"body": body, "said_at": said.at, "counted_at": None, "deleted": True}
        PushedProduct.objects.update_or_create(store=store, product_id=product_id, defaults=values)
    return [ProductDeleted(product_id)]


def _counted(store: StoreConnection, data: product_messages.Counts, said: Said, unread: list[str]) -> list[Event]:
    """Save the counts in the known product; those of a product that was not sent yet wait for it.

    Counts of an unknown variant wait too and are reported: the seller's system may write its id in another form.
    """
    known = PushedProduct.objects.filter(store=store, product_id=data.product_id).first()
    if known is None:
        known = PushedProduct(store=store, product_id=data.product_id, body={}, said_at=LONG_AGO, deleted=True)
        known.save()
    if known.deleted:
        if not _is_newest(said, _kept(known)):
            return []
        there = {row["id"]: row for row in known.body["variants"]} if known.counted_at is not None else {}
        unknown = {one: {"id": one, "stock": None, COUNTED_AT: LONG_AGO.isoformat()} for one in data.counts}
        known.body = {"variants": list((unknown | there).values()), ARRIVED: _kept(known).arrived}
    names = {row["id"] for row in known.body["variants"]}
    unread += [
        f"Product {data.product_id} has no variant with the id {one}." for one in data.counts if one not in names
    ]
    _count(known, data.counts, said)
    return [] if known.deleted else [ProductChanged(data.product_id)]


def answered(
    store: StoreConnection, product_id: str, variant_id: str, *, was: int, stock: int, at: datetime | None
) -> None:
    """Save the number that the store answered to our change, unless it has sent another one since.

    The store may report our change much later, or never. `at` is the time of the answered number, if known: an older
    message that arrives later then changes nothing.
    """
    with transaction.atomic():
        StoreConnection.objects.select_for_update(no_key=True).get(pk=store.pk)
        known = PushedProduct.objects.filter(store=store, product_id=product_id, deleted=False).first()
        if known is None:
            return
        row = next((one for one in known.body["variants"] if one["id"] == variant_id), None)
        if row is not None and at is not None:
            # The answer is newer than earlier messages, even if its clock is coarse.
            at = _at(max(at, _kept_number(known, row).at))
            row |= {"stock": stock if row["stock"] == was else row["stock"], **_stamp(Said(at))}
            known.counted_at = max(at, _at(known.counted_at or known.said_at))
            known.save(update_fields=["body", "counted_at"])
        elif row is not None and row["stock"] == was:
            row["stock"] = stock
            known.save(update_fields=["body"])


def _complete(store: StoreConnection, data: product_messages.Complete, arrived: int) -> list[Event]:
    """Mark products that the list omits as deleted, unless there are so many that the list is probably wrong."""
    at, there = _at(data.updated_at), set(data.ids)
    known = PushedProduct.objects.filter(store=store, deleted=False)
    rows = known.filter(said_at__lte=at).values_list("product_id", flat=True)
    gone = [one for one in rows.iterator() if one not in there]
    MissingProducts.objects.filter(store=store).delete()
    if _doubtful(len(gone), of := known.count()):
        MissingProducts.objects.create(store=store, product_ids=gone, of=of, listed_at=at)
        return []
    said = Said(at, arrived=arrived)
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


def _order(store: StoreConnection, data: messages.Order, said: Said) -> list[Event]:
    known = PushedOrder.objects.filter(store=store, order_id=data.id).first()
    if known is None or _is_newest(said, _kept(known)):
        body = data.model_dump(mode="json") | {ARRIVED: said.arrived}
        PushedOrder.objects.update_or_create(store=store, order_id=data.id, defaults={"body": body, "said_at": said.at})
    products = dict.fromkeys(line.product_id for line in data.lines)
    return [*(ProductChanged(one) for one in products if one), OrderChanged(data.id, products_reported=True)]
