"""Convert Reverb's JSON to snapshots; reads only the needed fields, each validated (shapes seen live in 2026)."""

from __future__ import annotations

import logging
import re
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, ValidationError

from shops.reverb.errors import NoAnswer, TransientError, read_field_errors, short
from shops.reverb.read_webhooks import Link, Links
from shops.schemas import Inner, Money, Side, SideRows, Text, Units, Whole
from shops.snapshots import ReverbListing

logger = logging.getLogger(__name__)


class _PageLinks(Inner):
    next: Side[Link] = Field(default_factory=Link)


class _Uuid(Inner):
    uuid: str


class _Price(Inner):
    amount: Money
    currency: str = ""


class _State(Inner):
    slug: str


def _state(value: object) -> object:
    """Return the state as an object; a bare slug was seen too."""
    return {"slug": value} if isinstance(value, str) else value


class _Listing(Whole):
    """Only id, state and inventory must be readable; other unreadable fields count as absent."""

    id: Annotated[str, Field(coerce_numbers_to_str=True, min_length=1, max_length=32)]
    sku: Side[Text | None] = None
    state: Annotated[_State, BeforeValidator(_state)] = _State(slug="")
    title: Side[Text | None] = None
    description: Side[str | None] = None
    make: Side[Text | None] = None
    model: Side[Text | None] = None
    finish: Side[Text | None] = None
    year: Side[Text | None] = None
    upc: Side[Text | None] = None
    condition: Side[_Uuid | None] = None
    categories: Side[list[_Uuid] | None] = None
    price: Side[_Price | None] = None
    inventory: Units = None
    has_inventory: Side[bool | None] = None
    shipping_profile_id: Side[Text | None] = None
    photos: SideRows[dict[str, Any]] = []
    offers_enabled: Side[bool | None] = None
    handmade: Side[bool | None] = None
    links: Side[Links] = Field(default_factory=Links, alias="_links")


class _Page(Inner):
    """`total` and links are only hints; the rows are read one by one."""

    total: Side[int] = 0
    links: Side[_PageLinks] = Field(default_factory=_PageLinks, alias="_links")


@dataclass(frozen=True)
class Rows:
    """A page of a list: its raw rows, the total number, and the link to the next page, if any.

    `hidden`: number of rows that Reverb fails to show (shops/reverb/paging.py).
    """

    rows: list[Any]
    total: int
    next: str
    hidden: int = 0

    @property
    def keys(self) -> set[str]:
        """Return each row's identity."""
        return {_key(row) for row in self.rows}


def _key(row: Any) -> str:
    known = (row.get("order_number") or row.get("id")) if isinstance(row, dict) else None
    return str(known) if isinstance(known, str | int) else repr(row)


def listing(body: object) -> ReverbListing:
    """Return the snapshot of a listing. Raise TransientError if it is invalid."""
    try:
        found = _Listing.model_validate(body)
    except (ValidationError, RecursionError) as error:
        where = (
            f" at {error.errors()[0]['loc'][0]}"
            if isinstance(error, ValidationError) and error.errors()[0]["loc"]
            else ""
        )
        raise TransientError(f"Reverb's answer could not be read as a listing{where}.") from None
    return ReverbListing(
        id=found.id,
        sku=found.sku or "",
        state=found.state.slug.strip().lower(),
        self_url=found.links.own.href,
        web_url=found.links.web.href if found.links.web.href.startswith(("https://", "http://")) else "",
        title=found.title,
        description=found.description,
        make=found.make,
        model=found.model,
        finish=found.finish,
        year=found.year,
        upc=found.upc,
        condition=found.condition.uuid if found.condition else None,
        categories=None if found.categories is None else tuple(c.uuid for c in found.categories),
        price=found.price.amount if found.price and found.price.amount else None,
        currency=found.price.currency if found.price and found.price.amount else None,
        inventory=None if found.inventory is None or found.inventory < 0 else found.inventory,
        has_inventory=found.has_inventory,
        shipping_profile=found.shipping_profile_id,
        photo_count=len(found.photos),
        offers_enabled=found.offers_enabled,
        handmade=found.handmade,
    )


def readable(rows: list[Any]) -> list[ReverbListing]:
    """Return the rows that can be read: an unreadable one must not block the others."""
    found = []
    for row in rows:
        try:
            found.append(listing(row))
        except TransientError as error:
            logger.warning("%s It is left out: %s", error, ascii(_key(row))[:40])
    return found


def page(body: object, name: str = "listings") -> Rows:
    """Return a page of a list; `name` is the field with its rows. Raise TransientError if it is absent."""
    rows = body.get(name) if isinstance(body, dict) else None
    if isinstance(rows, dict) and rows:  # a list with gaps
        rows = list(rows.values())
    if not isinstance(rows, list):
        raise TransientError(f"Reverb's answer could not be read as a page of {name}.")
    found = _Page.model_validate(body)
    return Rows(rows, max(0, found.total), found.links.next.href)


def written(body: dict[str, Any]) -> tuple[ReverbListing | None, list[str], str]:
    """Return the listing, the warnings and the message of an answer to POST or PUT.

    The listing is None if the answer has none with an id: it must then be read. Raise NoAnswer if it has one that
    cannot be read.
    """
    inner = body.get("listing")
    of = inner if isinstance(inner, dict) and inner.get("id") else body if body.get("id") else None
    try:
        found = listing(of) if of is not None else None
    except TransientError as error:
        raise NoAnswer(error.message, may_have_applied=True) from None
    warnings = [word for words in read_field_errors(body.get("warnings")).values() for word in words]
    return found, warnings, short(body.get("message") or "")


def id_in(link: str) -> str:
    """Return the numeric id in a link to a listing, such as …/listings/123-fender-strat; "" if there is none."""
    match = re.search(r"/listings/(\d+)", link)
    return match.group(1) if match else ""
