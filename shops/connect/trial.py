"""Test a connection at the seller's request: call it now, and say what was done and what came of it."""

from __future__ import annotations

from dataclasses import dataclass

from reverbsync.dispatch.wake import wake
from shops import reverb_connection, store_connection
from shops.connect import upkeep
from shops.models import ReverbConnection, StoreConnection
from shops.platforms import client_of, platform_of
from shops.platforms.errors import StoreError
from shops.reverb import connect
from shops.reverb import upkeep as reverb_upkeep


@dataclass(frozen=True)
class Result:
    """Whether the connection works, and the sentences for the seller."""

    works: bool
    words: str


def of_store(store: StoreConnection) -> Result:
    """Ask the store for its name, and have its webhooks checked. Never raises StoreError."""
    name = platform_of(store).name
    try:
        info = client_of(store).check()
    except StoreError as error:
        return Result(False, f"We asked {name} for your shop's name, and got none: {error}")
    upkeep.ask(store)
    wake(store_connection.CHECK_STORE, store.shop_id)
    currency = f", which sells in {info.currency}" if info.currency else ""
    words = f"We asked {name} for your shop's name: it is {info.name or store.address}{currency}."
    more = " Its webhooks are being checked now." if platform_of(store).topics else ""
    return Result(True, words + more)


def of_reverb(reverb: ReverbConnection) -> Result:
    """Ask Reverb for the account, the shop, its listings and its orders, and have its webhooks checked."""
    account = connect.check(reverb)
    if account.problem is not None and (not account.usable or account.problem_id == "unreachable"):
        return Result(False, f"We asked Reverb for your account, and could not use it: {account.problem.words}")
    reverb_upkeep.ask(reverb)
    wake(reverb_connection.CHECK_REVERB, reverb.shop_id)
    words = f"We asked Reverb for your account, your listings and your orders: {account.shop_name} answers them all."
    more = f" {account.problem.words}" if account.problem is not None else " Its webhooks are being checked now."
    return Result(True, words + more)
