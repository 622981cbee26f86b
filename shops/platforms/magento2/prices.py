"""Compute the price that a visitor pays: the regular, a valid special, or a tier price. Pure functions.

Facts: Magento 2.4.7 as seen; magento/magento2 (Catalog: SpecialPrice, TierPrice). A special price is valid from the
first day to the end of the last one, by the store's clock. A tier price for one unit is valid for its customer group,
where 32000 means all and 0 means visitors who are not signed in. The lowest price counts. REST does not show catalogue
price rules.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, time, timedelta, tzinfo
from decimal import Decimal

from shops.platforms.dates import next_change
from shops.schemas import Money, Part, Side, Units, money_of

EVERYBODY = {0, 32000}


class Tier(Part):
    """A price from a minimum quantity on."""

    customer_group_id: Side[int] = -1
    qty: Units = 0
    value: Money = Decimal(0)
    extension_attributes: Side[dict[str, object]] = {}


def price(
    usual: Decimal, special: str, begins: str, ends: str, tiers: Iterable[Tier], *, website: int, now: datetime
) -> Decimal:
    """Return what a visitor pays, 0 if the store sets no price. `now` is in the store's time zone."""
    found = [one.value for one in tiers if _is_for_all(one, website)]
    first, after = _days(begins, ends, now.tzinfo)
    if (first is None or first <= now) and (after is None or now < after):
        found.append(money_of(special))
    return min([usual, *(one for one in found if one)]) if usual else usual


def changes_at(special: str, begins: str, ends: str, *, now: datetime) -> datetime | None:
    """Return when a special price next starts or ends, None if none does."""
    return next_change(_days(begins, ends, now.tzinfo), now=now) if money_of(special) else None


def _is_for_all(one: Tier, website: int) -> bool:
    its = str(one.extension_attributes.get("website_id", 0))
    return one.customer_group_id in EVERYBODY and (one.qty or 0) <= 1 and its in ("0", str(website))


def _days(begins: str, ends: str, zone: tzinfo | None) -> tuple[datetime | None, datetime | None]:
    """Return the start of the first day and the end of the last, None if not set."""
    first, last = _day(begins, zone), _day(ends, zone)
    return first, None if last is None else _at_midnight(last + timedelta(days=1), zone)


def _day(text: str, zone: tzinfo | None) -> datetime | None:
    """Return a day, None if the text is no date or a placeholder: `0000-00-00`, year 1, year 9999."""
    try:
        day = datetime.fromisoformat(text[:10])
    except ValueError:
        return None
    return _at_midnight(day, zone) if 1900 < day.year < 2900 else None


def _at_midnight(day: datetime, zone: tzinfo | None) -> datetime:
    return datetime.combine(day.date(), time(), tzinfo=zone)
