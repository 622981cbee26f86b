"""Save the stock that a seller's system pushes or answers, the newest number of each variant."""

from __future__ import annotations

from datetime import UTC, datetime

from django.db import transaction

from shops.events import Event, ProductChanged
from shops.models import PushedProduct, StoreConnection
from shops.platforms.custom import product_messages
from shops.platforms.custom.message_time import (
    ARRIVED,
    COUNTED_AT,
    MessageTime,
    is_newest,
    newer_number,
    saved_stock_time,
    saved_time,
    time_fields,
    time_of,
)
from shops.platforms.custom.pushed_products import MOST_WAITING, WAITING
from shops.schemas import Part

#: Stamp of a product of which only the stock is known: older than any message.
LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)


def knows_what_it_counts(store: StoreConnection, data: Part) -> bool:
    """Return whether a message counts no variant that an earlier message may have to introduce."""
    if not isinstance(data, product_messages.Counts):
        return True
    known = PushedProduct.objects.filter(store=store, product_id=data.product_id, deleted=False).first()
    return known is not None and {one.variant_id for one in data.items} <= {row["id"] for row in known.body["variants"]}


def _count(known: PushedProduct, counts: dict[str, int | None], said: MessageTime) -> None:
    """Save the counts that are not older than the saved ones."""
    rows = [*known.body["variants"], *known.body.get(WAITING, [])]
    for row in rows:
        if row["id"] in counts:
            row.update(newer_number(known, row, counts[row["id"]], said))
    new = [
        {"id": one, "stock": counts[one], **time_fields(said)} for one in counts.keys() - {row["id"] for row in rows}
    ]
    known.body[WAITING] = [*known.body.get(WAITING, []), *new][-MOST_WAITING:]
    known.counted_at = max(said.at, time_of(known.counted_at or known.said_at))
    known.save(update_fields=["body", "counted_at"])


def save_counts(
    store: StoreConnection, data: product_messages.Counts, said: MessageTime, unread: list[str]
) -> list[Event]:
    """Save the counts in the known product; those of a product that was not sent yet wait for it.

    Counts of an unknown variant wait too and are reported: the seller's system may write its id in another form.
    """
    known = PushedProduct.objects.filter(store=store, product_id=data.product_id).first()
    if known is None:
        known = PushedProduct(store=store, product_id=data.product_id, body={}, said_at=LONG_AGO, deleted=True)
        known.save()
    if known.deleted:
        if not is_newest(said, saved_time(known)):
            return []
        there = {row["id"]: row for row in known.body["variants"]} if known.counted_at is not None else {}
        unknown = {one: {"id": one, "stock": None, COUNTED_AT: LONG_AGO.isoformat()} for one in data.counts}
        known.body = {"variants": list((unknown | there).values()), ARRIVED: saved_time(known).arrived}
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
            at = time_of(max(at, saved_stock_time(known, row).at))
            row |= {"stock": stock if row["stock"] == was else row["stock"], **time_fields(MessageTime(at))}
            known.counted_at = max(at, time_of(known.counted_at or known.said_at))
            known.save(update_fields=["body", "counted_at"])
        elif row is not None and row["stock"] == was:
            row["stock"] = stock
            known.save(update_fields=["body"])
