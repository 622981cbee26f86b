"""Save the products that a seller's system pushes, the newest version of each."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from shops.events import Event, ProductChanged
from shops.models import PushedProduct, StoreConnection
from shops.platforms.custom import fields, product_messages
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

#: Key in a product's body: counts of variants that it does not have yet, and the most to save.
WAITING, MOST_WAITING = "waiting", 250


def save_products(
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
        said, was = MessageTime(time_of(one.updated_at), arrived=arrived), known.get(one.id)
        if was is None or is_newest(said, saved_time(was)):
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
    store: StoreConnection,
    one: product_messages.Product,
    known: PushedProduct | None,
    said: MessageTime,
    unread: list[str],
) -> PushedProduct:
    """Return the row of a product as sent. What is unreadable, or was counted later, keeps its value."""
    there, waiting = _rows_of(known)
    words = list(one.unread)
    rows = _variants(one, known, said, there | waiting, words)
    if known is not None and one.unread:
        named = {variant.id for variant in one.variants}
        rows += [row | time_fields(saved_stock_time(known, row)) for row in there.values() if row["id"] not in named]
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
    one: product_messages.Product, known: PushedProduct | None, said: MessageTime, was: dict[str, Any], words: list[str]
) -> list[dict[str, Any]]:
    """Return the rows of a product's variants, each with its valid number; `was` maps ids to the known ones."""
    rows = []
    for variant in one.variants:
        row, kept = variant.model_dump(mode="json"), was.get(variant.id)
        if not variant.says_stock:
            stays = "the variant is left out" if kept is None else "its number stays as it was"
            words.append(f"the stock of variant {variant.id} cannot be read, so {stays}. {fields.WHAT_TO_SEND}")
        if known is not None and kept is not None:
            newer = newer_number(known, kept, variant.stock, said) if variant.says_stock else {}
            rows.append(row | (newer or {"stock": kept["stock"], **time_fields(saved_stock_time(known, kept))}))
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
