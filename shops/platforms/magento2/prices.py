"""The price that a visitor pays: the usual one, a special one while it holds, or a tier's. Pure functions.

Facts: Magento 2.4.7 as seen; magento/magento2 (Catalog: SpecialPrice, TierPrice). A special price holds from the first
day until the end of the last one, by the clock of the store; a tier price of one unit holds for whoever is in its
group, 32000 being all and 0 those who are not signed in. The lowest counts.
Catalogue price rules do not show over REST.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, time, timedelta, tzinfo
from decimal import Decimal

from shops.platforms.dates import next_change
from shops.schemas import Money, Part, Side, Units, money_of

EVERYBODY = {0, 32000}


class Tier(Part):
    """A price for those who buy at least so many."""

    customer_group_id: Side[int] = -1
    qty: Units = 0
    value: Money = Decimal(0)
    extension_attributes: Side[dict[str, object]] = {}


def price(
    usual: Decimal, special: str, begins: str, ends: str, tiers: Iterable[Tier], *, website: int, now: datetime
) -> Decimal:
    """Return what a visitor pays, 0 where the store names no price. `now` is by the clock of the store."""
    found = [one.value for one in tiers if _is_for_all(one, website)]
    first, after = _days(begins, ends, now.tzinfo)
    if (first is None or first <= now) and (after is None or now < after):
        found.append(money_of(special))
    return min([usual, *(one for one in found if one)]) if usual else usual


def changes_at(special: str, begins: str, ends: str, *, now: datetime) -> datetime | None:
    """Return when a special price begins or ends next, None where none does."""
    return next_change(_days(begins, ends, now.tzinfo), now=now) if money_of(special) else None


def _is_for_all(one: Tier, website: int) -> bool:
    its = str(one.extension_attributes.get("website_id", 0))
    return one.customer_group_id in EVERYBODY and (one.qty or 0) <= 1 and its in ("0", str(website))


def _days(begins: str, ends: str, zone: tzinfo | None) -> tuple[datetime | None, datetime | None]:
    """Return the beginning of the first day and the end of the last, None for what is not said."""
    first, last = _day(begins, zone), _day(ends, zone)
    return first, None if last is None else _at_midnight(last + timedelta(days=1), zone)


def _day(text: str, zone: tzinfo | None) -> datetime | None:
    """Return a day, None for what is no date, or one that is not meant: `0000-00-00`, year 1, year 9999."""
    try:
        day = datetime.fromisoformat(text[:10])
    except ValueError:
        return None
    return _at_midnight(day, zone) if 1900 < day.year < 2900 else None


def _at_midnight(day: datetime, zone: tzinfo | None) -> datetime:
    return datetime.combine(day.date(), time(), tzinfo=zone)
