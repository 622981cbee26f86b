"""Check a seller's token, and say what is missing and where on Reverb to fix it.

Facts: Reverb requires a finished shop with billing and at least one live listing before it admits an app (guide "Build
an E-Commerce Sync Integration"). The exact refusals are undocumented, so a 403 and missing fields are interpreted with
care.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.conf import settings

from reverbsync import clock
from shops.models import ReverbConnection
from shops.reverb.client import ReverbClient
from shops.reverb.errors import NeedsSeller, NotFound, PermanentError, ReverbError

#: A refused token is checked again after this time (shops/reverb/upkeep.py): Reverb may have been wrong.
ASK_DEAD_AGAIN = timedelta(minutes=1)


@dataclass(frozen=True)
class Problem:
    """A problem that only the seller can fix. `path` is on Reverb's website."""

    id: str
    words: str
    path: str
    #: Whether a connection with this problem can be saved and used nevertheless.
    usable: bool = False

    @property
    def link(self) -> str:
        """Return the page on Reverb that fixes it."""
        return settings.REVERB_WEB_URL + self.path

    def link_on(self, web_url: str) -> str:
        """Return the page that fixes it on the given site: Reverb's own or its sandbox."""
        return web_url + self.path


#: Scopes that a sync needs (Reverb docs, "Personal token scopes"); read_profile is for the shop's name and shipping
#: profiles.
SCOPES = ("public", "read_listings", "write_listings", "read_orders", "write_orders", "read_profile")
_API_SETTINGS = "/my/api_settings"
PROBLEMS = {
    problem.id: problem
    for problem in (
        Problem(
            "token_refused",
            "Reverb does not know this token. Make a new one and paste it here.",
            _API_SETTINGS,
        ),
        Problem(
            "scope_missing",
            f"This token may not do enough. Make one with {', '.join(SCOPES)} ticked.",
            _API_SETTINGS,
        ),
        Problem(
            "billing_missing",
            "Reverb has no billing details of yours yet. Enter a card there first.",
            "/my/billing",
        ),
        Problem(
            "shop_unfinished",
            "Your shop on Reverb is not finished yet. Fill in its details there first.",
            "/my/selling/shop",
            usable=True,
        ),
        Problem(
            "no_live_listing",
            "Your shop on Reverb has no live listing yet. Reverb asks for one made by hand before an app may add more.",
            "/sell",
            usable=True,
        ),
        Problem("unreachable", "Reverb did not answer just now. Try again in a minute.", "/", usable=True),
    )
}


#: Ids of problems that block every use of a connection.
UNUSABLE = [problem.id for problem in PROBLEMS.values() if not problem.usable]


@dataclass(frozen=True)
class Account:
    """The account that a token belongs to, and its problem, if any."""

    shop_name: str = ""
    problem: Problem | None = None
    id: str = ""
    currency: str = ""  # ISO 4217, "" if unknown

    @property
    def usable(self) -> bool:
        """Return whether a connection may be used despite its problem."""
        return self.problem is None or self.problem.usable

    @property
    def problem_id(self) -> str:
        """Return the id of the problem, as a connection saves it; "" if there is none."""
        return self.problem.id if self.problem is not None else ""


#: Number of reads that a check needs.
READS = 4


def check(connection: ReverbConnection) -> Account:
    """Return the account that the token belongs to. Never raises: each failure becomes a Problem."""
    client = ReverbClient.of(connection)
    try:
        account = client.get("/my/account")
        shop = client.get("/shop")
        live = client.get("/my/listings", {"state": "live", "per_page": 1})
        with suppress(NotFound):
            client.get("/my/orders/selling/all", {"per_page": 1})
    except NeedsSeller as refusal:
        return Account(problem=_refused(refusal))
    except NotFound:
        return Account(problem=PROBLEMS["shop_unfinished"])
    except ReverbError:
        return Account(problem=PROBLEMS["unreachable"])
    name = _name(shop) or _name(_part(account, "shop"))
    if not name:
        return Account(problem=PROBLEMS["shop_unfinished"])
    problem = None if _part(live, "total") else PROBLEMS["no_live_listing"]
    own_id = str(_part(account, "user_id") or _part(account, "uuid") or "")[:64]
    return Account(name, problem, own_id, _currency(shop, live))


def saw_listing(connection: ReverbConnection, state: str) -> None:
    """Record that the account has a live listing, which clears the problem that it has none."""
    if state == "live" and connection.problem == "no_live_listing":
        ReverbConnection.objects.filter(pk=connection.pk, problem="no_live_listing").update(problem="")


def mark_if_dead(connection: ReverbConnection) -> bool:
    """Read the account; mark the token as refused if that fails too, since one 401 proves nothing.

    Return whether it is refused. Raise TransientError if that is unclear.
    """
    try:
        ReverbClient.of(connection).get("/my/account")
    except NeedsSeller as refusal:
        if refusal.status != 401:
            return False
    except PermanentError:
        return False
    else:
        return False
    # If the seller has reconnected meanwhile, the token is another one.
    now = clock.now()
    same = ReverbConnection.objects.filter(pk=connection.pk, checked_at=connection.checked_at)
    same.update(problem="token_refused", checked_at=now, hooks_due_at=now + ASK_DEAD_AGAIN)
    return True


def _refused(refusal: NeedsSeller) -> Problem:
    said = refusal.message.lower()
    if refusal.status == 401:
        return PROBLEMS["token_refused"]
    if "billing" in said or "payment" in said or "card" in said:
        return PROBLEMS["billing_missing"]
    if "scope" in said or "permission" in said or "authorized" in said:
        return PROBLEMS["scope_missing"]
    return PROBLEMS["shop_unfinished" if "shop" in said else "scope_missing"]


def _part(body: Any, name: str) -> Any:
    return body.get(name) if isinstance(body, dict) else None


def _name(shop: Any) -> str:
    return str(_part(shop, "name") or _part(shop, "slug") or "")[:120]


def _currency(shop: Any, live: Any) -> str:
    """Return the account's currency from the fields where it was seen; Reverb documents none."""
    rows = _part(live, "listings")
    first = rows[0] if isinstance(rows, list) and rows else None
    said = _part(shop, "currency") or _part(first, "listing_currency") or _part(_part(first, "price"), "currency")
    return said.upper() if isinstance(said, str) and len(said) == 3 else ""
