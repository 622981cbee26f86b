"""Connect a shop to its Reverb account, and disconnect it; shared by the pages and the command line."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Any

from django.db import transaction
from pydantic import SecretStr

from reverbsync import clock
from reverbsync.dispatch.wake import wake
from shops.models import ReverbConnection, Shop
from shops.models.connections import unguessable
from shops.recheck import look_again
from shops.reverb import connect, hooks, limits, reference
from shops.reverb.client import ReverbClient
from shops.reverb.errors import ReverbError
from shops.reverb.lists import PROVIDERS, Lists
from shops.shared_account import shops_sharing_account

#: Removes the links to another Reverb account's listings (listings/upkeep/former_account.py).
CLEAR_REVERB = "webhooks.clear_reverb"
#: Checks our webhooks at Reverb (shops/reverb/upkeep.py).
CHECK_REVERB = "shops.check_reverb"


def connect_reverb(shop: Shop, token: str, *, sandbox: bool = False, by_oauth: bool = False) -> connect.Account:
    """Check a token and save it unless it is unusable; return the result of the check.

    Links to another account's listings do not apply to this one. Those listings stay on Reverb, and the links are
    removed in the background before anything is written with this token. So if listings are linked and Reverb does not
    say whose token it is, the token is not saved.
    """
    now = clock.now()
    candidate = ReverbConnection(shop=shop, token=SecretStr(token), sandbox=sandbox)
    account = connect.check(candidate)
    if not account.usable:
        return account
    before = ReverbConnection.objects.filter(shop=shop).first()
    known = listings_of(shop, before)
    mine = {"id": account.id, "name": account.shop_name, "sandbox": sandbox}
    if known and account.problem is not None and not (account.id or account.shop_name):
        return replace(account, problem=replace(account.problem, usable=False))
    other = bool(known) and not _is_same(known, mine)
    if before is not None and other:
        hooks.drop(before)
    with transaction.atomic():
        Shop.objects.filter(pk=shop.pk).update(reverb_account=known if other else mine)
        # Nothing is known yet of a different account.
        reset = {**hooks.UNKNOWN, "hook_key": unguessable(), "clearing_since": now} if other else {}
        saved = {
            "token": candidate.token,
            "sandbox": sandbox,
            "by_oauth": by_oauth,
            **_of_account(account, now),
            **reset,
        }
        connection, _ = ReverbConnection.objects.update_or_create(shop=shop, defaults=saved)
        if other:
            wake(CLEAR_REVERB, shop.pk)
    if connection.budget != candidate.budget:
        limits.count(connection.budget, connect.READS)
    look_again(shop)
    wake(CHECK_REVERB, shop.pk)
    return account


def _of_account(account: connect.Account, now: datetime) -> dict[str, Any]:
    return {
        "account": account.shop_name,
        "account_id": account.id,
        "currency": account.currency,
        "problem": account.problem_id,
        "checked_at": now,
        "hooks_due_at": now,
        "orders_due_at": now,
    }


def listings_of(shop: Shop, connection: ReverbConnection | None) -> dict[str, Any]:
    """Return the account of the linked listings (Shop.reverb_account), {} if none was ever connected."""
    kept: dict[str, Any] = Shop.objects.values_list("reverb_account", flat=True).get(pk=shop.pk)
    return kept or (account_of(connection) if connection is not None else {})


def account_of(connection: ReverbConnection) -> dict[str, Any]:
    """Return the account of a connection, {} if Reverb did not name it."""
    if not (connection.account_id or connection.account):
        return {}
    return {"id": connection.account_id, "name": connection.account, "sandbox": connection.sandbox}


def _is_same(known: dict[str, Any], mine: dict[str, Any]) -> bool:
    """Return whether two accounts are the same: by id if both ids have the same format, else by name."""
    ids = str(known["id"]), str(mine["id"])
    named = "id" if all(ids) and ids[0].isdecimal() == ids[1].isdecimal() else "name"
    return (known[named], known["sandbox"]) == (mine[named], mine["sandbox"])


def connected_words(shop: Shop, account: connect.Account) -> str:
    """Return the sentences that name the connected Reverb shop, and what happens to a previous one."""
    words = f"Connected to {account.shop_name or 'Reverb'}."
    if account.id and shops_sharing_account(shop.pk):  # a name alone may belong to another seller too
        words += (
            " Another shop here uses the same Reverb account: a listing syncs with the shop that linked it first, so "
            "give each product a SKU of its own."
        )
    other = ReverbConnection.objects.filter(shop=shop, clearing_since__isnull=False).select_related("shop").first()
    if other is None:
        return words
    former = other.shop.reverb_account.get("name") or "another account"
    return (
        f"{words} This is another Reverb shop than before ({former}). Its listings stay on Reverb as they are, and we "
        "no longer keep them in sync: end those that you sell here now. Your products are matched by SKU with the "
        "listings of this shop."
    )


def disconnect_reverb(shop: Shop) -> None:
    """Remove our webhooks as far as Reverb allows, and delete the token. The account's identity is saved.

    Reverb has no call that revokes a token; the seller can delete it on Reverb.
    """
    connection = ReverbConnection.objects.filter(shop=shop).first()
    if connection is not None:
        others = shops_sharing_account(shop.pk)
        hooks.drop(connection)
        Shop.objects.filter(pk=shop.pk).update(reverb_account=listings_of(shop, connection))
        connection.delete()
        look_again(*others)


def lists_of(shop: Shop) -> Lists:
    """Return Reverb's lists for the settings page; empty ones if Reverb does not answer."""
    connection = ReverbConnection.objects.filter(shop=shop).first()
    if connection is None:
        return Lists()
    try:
        return reference.lists(ReverbClient.of(connection), connection.budget)
    except ReverbError:
        return Lists()


def providers_of(shop: Shop) -> tuple[str, ...]:
    """Return the carriers that Reverb accepts."""
    connection = ReverbConnection.objects.filter(shop=shop).first()
    return reference.providers(ReverbClient.of(connection)) if connection else PROVIDERS
