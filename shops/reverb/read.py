"""Reverb's JSON → our pictures. Reads only what is needed and takes nothing on trust (shapes seen live in 2026)."""

from __future__ import annotations

import logging
import re
from decimal import Decimal
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, ValidationError

from shops.pictures import ReverbListing
from shops.reverb.errors import Passing, read_field_errors
from shops.wire import Inner, Text, Whole

logger = logging.getLogger(__name__)


class _Link(Inner):
    href: str = ""


class _Links(Inner):
    own: _Link = Field(default_factory=_Link, alias="self")
    web: _Link = Field(default_factory=_Link)
    next: _Link = Field(default_factory=_Link)


class _Uuid(Inner):
    uuid: str


class _Price(Inner):
    amount: Decimal
    currency: str = ""


class _State(Inner):
    slug: str


def _state(value: object) -> object:
    """State comes as an object; a bare slug was seen too."""
    return {"slug": value} if isinstance(value, str) else value


class _Listing(Whole):
    id: Text
    sku: Text | None = None
    state: Annotated[_State, BeforeValidator(_state)] = _State(slug="")
    title: str | None = None
    description: str | None = None
    make: str | None = None
    model: str | None = None
    finish: str | None = None
    year: Text | None = None
    upc: Text | None = None
    condition: _Uuid | None = None
    categories: list[_Uuid] | None = None
    price: _Price | None = None
    inventory: int | None = None
    has_inventory: bool | None = None
    shipping_profile_id: Text | None = None
    photos: list[dict[str, Any]] | None = None
    offers_enabled: bool | None = None
    handmade: bool | None = None
    links: _Links = Field(_Links(), alias="_links")


class _Page(Whole):
    total: int = 0
    listings: list[dict[str, Any]] = []
    links: _Links = Field(_Links(), alias="_links")


class _Registration(Inner):
    url: str = ""
    topic: str = ""
    links: _Links = Field(_Links(), alias="_links")


class _Registrations(Whole):
    """The list was recorded as `registrations` on the sandbox in 2015; another name for it would be a guess."""

    registrations: list[_Registration] = []
    webhooks: list[_Registration] = []


def registrations(body: object) -> list[tuple[str, str, str]]:
    """Return link, topic and address of each webhook. A row has no id, its link names it (recorded). Raises Passing."""
    try:
        found = _Registrations.model_validate(body)
    except ValidationError:
        raise Passing("Reverb's answer could not be read as a list of webhooks.") from None
    return [(one.links.own.href, one.topic, one.url) for one in (*found.registrations, *found.webhooks)]


def listing(body: object) -> ReverbListing:
    """Return the picture of a listing. Raises Passing when it is not one."""
    try:
        found = _Listing.model_validate(body)
    except ValidationError:
        raise Passing("Reverb's answer could not be read as a listing.") from None
    return ReverbListing(
        id=found.id,
        sku=found.sku or "",
        state=found.state.slug,
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
        price=found.price.amount if found.price else None,
        currency=found.price.currency if found.price else None,
        inventory=found.inventory,
        has_inventory=found.has_inventory,
        shipping_profile=found.shipping_profile_id,
        photo_count=len(found.photos or ()),
        offers_enabled=found.offers_enabled,
        handmade=found.handmade,
    )


def readable(rows: list[dict[str, Any]]) -> list[ReverbListing]:
    """Return the rows that can be read: one that cannot must not keep us from all others."""
    found = []
    for row in rows:
        try:
            found.append(listing(row))
        except Passing as error:
            logger.warning("%s It is left out.", error)
    return found


def page(body: object) -> tuple[list[dict[str, Any]], int, str]:
    """Return the rows of a page of listings, the total, and the link to the next page ("" on the last)."""
    try:
        found = _Page.model_validate(body)
    except ValidationError:
        raise Passing("Reverb's answer could not be read as a page of listings.") from None
    return found.listings, found.total, found.links.next.href


def written(body: object) -> tuple[ReverbListing | None, list[str], str]:
    """Return the listing, the warnings and the message of an answer to POST or PUT.

    The listing is None where the answer brought none with an id: it must then be read.
    """
    if not isinstance(body, dict):
        return None, [], ""
    inner = body.get("listing")
    found = listing(inner) if isinstance(inner, dict) and inner.get("id") else None
    if found is None and body.get("id"):
        found = listing(body)
    warnings = [word for words in read_field_errors(body.get("warnings")).values() for word in words]
    return found, warnings, str(body.get("message") or "")[:500]


def id_in(link: str) -> str:
    """Return the numeric id in a link to a listing, such as …/listings/123-fender-strat; "" where there is none."""
    match = re.search(r"/listings/(\d+)", link)
    return match.group(1) if match else ""
