"""The custom store's messages: orders as XML, ship notices, dates, and credentials. Pure functions.

Facts: dates are MM/dd/yyyy HH:mm in UTC; free text is in CDATA; `pages` on <Orders> is their number.
"""

from __future__ import annotations

import base64
import hmac
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import ParseError, fromstring

from shops.orders import Address

FORM = "%m/%d/%Y %H:%M"
#: Years that a date in the query may have: beyond them, another minute or time zone would overflow.
EARLIEST, LATEST = 1970, 9000
#: Characters that XML 1.0 cannot contain, not even as a reference.
_FORBIDDEN = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_NO = {"false", "0", "no"}


class Unreadable(Exception):
    """A request that does not follow the guide; the message is shown in ShipStation."""


@dataclass(frozen=True)
class Row:
    """One order of the export: a Reverb order with its single line."""

    number: str
    status: str  # a status that the seller enters in ShipStation's settings
    ordered_at: datetime
    changed_at: datetime
    buyer: str
    buyer_code: str
    address: Address
    sku: str
    title: str
    quantity: int
    price: Decimal
    total: Decimal
    tax: Decimal
    shipping: Decimal
    shipping_method: str
    note: str


@dataclass(frozen=True)
class Notice:
    """A parcel as ShipStation reports it."""

    order_number: str
    tracking_number: str
    carrier: str
    service: str = ""
    #: False: ShipStation says not to mail the buyer. None: it does not say.
    notify: bool | None = None


# -- credentials ---------------------------------------------------------------------------------------------------


def credentials(headers: Mapping[str, str], query: Mapping[str, str]) -> tuple[str, str]:
    """Return user and password, from Basic authentication or from SS-UserName and SS-Password."""
    given = headers.get("Authorization", "")
    if given.startswith("Basic "):
        try:
            user, _, password = base64.b64decode(given[6:], validate=True).decode().partition(":")
        except ValueError:  # no base64, or not text
            return "", ""
        return user, password
    return (
        query.get("SS-UserName") or headers.get("SS-UserName") or "",
        query.get("SS-Password") or headers.get("SS-Password") or "",
    )


def are_right(given: tuple[str, str], user: str, password: str) -> bool:
    """Compare credentials in constant time; always False while there is no password."""
    right_user = hmac.compare_digest(given[0].encode(), user.encode())
    right_password = hmac.compare_digest(given[1].encode(), password.encode())
    return bool(user and password) and right_user and right_password


# -- dates ---------------------------------------------------------------------------------------------------------


def moment(text: str) -> datetime:
    """Parse a date of the query (UTC). Raises Unreadable."""
    for form in (FORM, "%m/%d/%Y %H:%M:%S", "%m/%d/%Y"):
        try:
            found = datetime.strptime(text.strip(), form).replace(tzinfo=UTC)
        except ValueError:
            continue
        if EARLIEST <= found.year <= LATEST:
            return found
    raise Unreadable(f"start_date and end_date are MM/dd/yyyy HH:mm in UTC, in the years {EARLIEST} to {LATEST}.")


# -- the export ----------------------------------------------------------------------------------------------------


def export(rows: Iterable[Row], *, pages: int) -> str:
    """Return a page of orders as XML."""
    body = "".join(_order(row) for row in rows)
    return f'<?xml version="1.0" encoding="utf-8"?>\n<Orders pages="{max(1, pages)}">{body}</Orders>\n'


def _order(row: Row) -> str:
    where = row.address
    person = _text("Name", where.name or row.buyer, 100) + _text("Phone", where.phone, 50)
    ship_to = (
        _text("Name", where.name or row.buyer, 100)
        + _text("Address1", where.street, 200)
        + _text("Address2", where.extra, 200)
        + _text("City", where.city, 100)
        + _text("State", where.region, 100)
        + _text("PostalCode", where.postal_code, 50)
        + _text("Country", where.country, 2)
        + _text("Phone", where.phone, 50)
    )
    item = (
        _text("LineItemID", row.number, 50)
        + _text("SKU", row.sku, 100)
        + _text("Name", row.title, 200)
        + f"<Quantity>{row.quantity}</Quantity><UnitPrice>{row.price:.2f}</UnitPrice>"
    )
    return (
        "<Order>"
        + _text("OrderID", row.number, 50)
        + _text("OrderNumber", row.number, 50)
        + f"<OrderDate>{_stamp(row.ordered_at)}</OrderDate>"
        + _text("OrderStatus", row.status, 50)
        + f"<LastModified>{_stamp(row.changed_at)}</LastModified>"
        + _text("ShippingMethod", row.shipping_method, 100)
        + f"<OrderTotal>{row.total:.2f}</OrderTotal>"
        + f"<TaxAmount>{row.tax:.2f}</TaxAmount>"
        + f"<ShippingAmount>{row.shipping:.2f}</ShippingAmount>"
        + _text("InternalNotes", row.note, 1000)
        + "<Customer>"
        + _text("CustomerCode", row.buyer_code, 50)
        + f"<BillTo>{person}</BillTo><ShipTo>{ship_to}</ShipTo></Customer>"
        + f"<Items><Item>{item}</Item></Items></Order>"
    )


def _text(name: str, text: str, most: int) -> str:
    """Return an element of free text; "]]>" inside the text is split over two CDATA sections."""
    clean = _FORBIDDEN.sub("", text)[:most].replace("]]>", "]]]]><![CDATA[>")
    return f"<{name}><![CDATA[{clean}]]></{name}>"


def _stamp(at: datetime) -> str:
    return at.astimezone(UTC).strftime(FORM)


# -- the ship notice -----------------------------------------------------------------------------------------------


def notice(query: Mapping[str, str], body: bytes) -> Notice:
    """Parse a ship notice: the query contains it, and the XML body repeats and extends it. Raises Unreadable."""
    elements = _elements(body)
    number = (query.get("order_number") or elements.get("OrderNumber") or elements.get("OrderID") or "").strip()
    tracking = (query.get("tracking_number") or elements.get("TrackingNumber") or "").strip()
    if not number:
        raise Unreadable("order_number is missing.")
    if not tracking:
        raise Unreadable("The shipment has no tracking number, and Reverb takes none without.")
    return Notice(
        order_number=number[:64],
        tracking_number=tracking[:100],
        carrier=(query.get("carrier") or elements.get("Carrier") or "").strip(),
        service=(query.get("service") or elements.get("Service") or "").strip(),
        notify=False if elements.get("NotifyCustomer", "").strip().lower() in _NO else None,
    )


def _elements(body: bytes) -> dict[str, str]:
    """Return the texts of a notice's direct children. Entities are rejected: they could expand without limit."""
    if not body.strip():
        return {}
    try:
        root = fromstring(body, forbid_dtd=True)
    except (ParseError, DefusedXmlException, ValueError, LookupError):
        raise Unreadable("The body is not a readable ShipNotice.") from None
    return {child.tag: child.text or "" for child in root}
