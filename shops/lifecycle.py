"""Make a shop, connect and disconnect it; the pages and the command line share these."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from django.db import transaction
from pydantic import SecretStr

from reverbsync import clock
from reverbsync.dispatch.wake import wake
from shops.models import (
    FormerStore,
    Membership,
    MissingProducts,
    Person,
    PushedOrder,
    PushedProduct,
    ReverbConnection,
    Shop,
    StoreConnection,
    StoreHealth,
    SyncSettings,
)
from shops.models.connections import unguessable
from shops.platforms import PLATFORMS
from shops.platforms.addresses import same_address
from shops.platforms.values import Keys, StoreAuthError, StoreError, TransientStoreError
from shops.reverb import connect, hooks, limits, reference
from shops.reverb.client import ReverbClient
from shops.reverb.errors import ReverbError
from shops.reverb.lists import PROVIDERS, Lists
from shops.siblings import siblings_of

#: Checks what a store says of itself, and its webhooks (shops/connect/upkeep.py).
CHECK_STORE = "shops.check_store"
#: Deletes what is stored of a store that was replaced, or is to be forgotten (webhooks/privacy/erase.py).
CLEAR_STORE = "webhooks.clear_store"
#: Removes our webhooks from a store that another one took the place of (shops/connect/upkeep.py).
LEAVE_STORE = "webhooks.leave_store"
#: Lets go of what is known of another Reverb account's listings (listings/upkeep/former_account.py).
CLEAR_REVERB = "webhooks.clear_reverb"
#: Checks our webhooks at Reverb (shops/reverb/upkeep.py).
CHECK_REVERB = "shops.check_reverb"


def shop(owner: Person, name: str) -> Shop:
    """Make a shop that `owner` owns, with default settings."""
    with transaction.atomic():
        made = Shop.objects.create(name=name)
        Membership.objects.create(shop=made, person=owner, role=Membership.Role.OWNER)
        SyncSettings.objects.create(shop=made)
    return made


def connect_store(shop: Shop, *, platform: str, address: str, keys: Keys, problem: str = "") -> StoreConnection:
    """Connect a shop to its store. Raises ValueError for a wrong address.

    `problem` says why the store did not answer just now (`try_store`). Another store than before begins from nothing,
    with a webhook address of its own: products of the old one must not count as vanished, which would end their
    listings, and what it still calls must not be taken for the new one's. Our webhooks are removed there in the
    background. The same store under another spelling of its address is no other store, and keeps the webhook address.
    """
    now, read = clock.now(), PLATFORMS[platform].read_address(address)
    with transaction.atomic():
        before = StoreConnection.objects.select_for_update().filter(shop=shop).first()
        same = before is not None and before.platform == platform and same_address(before.address, read)
        # So that the webhooks of a former address of ours are removed (shops/connect/upkeep.py).
        site = {name: value for name, value in before.hooks.items() if name == "site"} if before and same else {}
        connection, _ = StoreConnection.objects.update_or_create(
            shop=shop,
            defaults={
                "platform": platform,
                "address": read,
                "token": keys.token,
                "secret": keys.secret,
                "removed_at": None,
                "problem": problem[:300],
                "hooks": site,
                "hooks_due_at": now,
                "refused_deliveries": 0,
                **({} if same or before is None else {"hook_key": unguessable()}),
            },
        )
        StoreHealth.objects.filter(shop=shop).delete()
        if same and not problem:  # what failed with the old keys is due now (outages.make_due)
            StoreHealth.objects.create(shop=shop, back_at=now)
        if before is not None and not same:
            kept = {name: getattr(before, name) for name in ("platform", "address", "token", "secret", "hook_key")}
            due_at = now if before.token.get_secret_value() else now + FormerStore.CALLS_FOR
            FormerStore.objects.create(shop=shop, left_at=now, due_at=due_at, **kept)
            wake(LEAVE_STORE, shop.pk)
            PushedProduct.objects.filter(store=connection).delete()
            MissingProducts.objects.filter(store=connection).delete()
            PushedOrder.objects.filter(store=connection).delete()
            StoreConnection.objects.filter(pk=connection.pk).update(clearing_since=now)
            connection.clearing_since = now
            wake(CLEAR_STORE, shop.pk)
        look_again(shop)
    wake(CHECK_STORE, shop.pk)
    return connection


def try_store(shop: Shop, *, platform: str, address: str, keys: Keys) -> str:
    """Ask the store who it is; return a sentence when it did not answer just now, which may pass.

    Raises StoreAuthError when it does not accept the keys or what they ask for, ValueError for a wrong address.
    """
    room = PLATFORMS[platform]
    candidate = StoreConnection(
        shop=shop, platform=platform, address=room.read_address(address), token=keys.token, secret=keys.secret
    )
    try:
        room.client(candidate).check()
    except TransientStoreError as error:
        return str(error)
    except StoreAuthError:
        raise
    except StoreError as error:
        raise StoreAuthError(str(error)) from None
    return ""


def store_removed(shop: Shop) -> None:
    """The store took our app out: its token is dead. Forget it, and say so on the shop's page.

    Products, listings and the log stay as they are.
    """
    StoreConnection.objects.filter(shop=shop).update(
        token=SecretStr(""), removed_at=clock.now(), hooks={}, hooks_due_at=None
    )
    shop.store.refresh_from_db()


def disconnect_store(shop: Shop) -> None:
    """Stop syncing with the store at once; its webhooks are removed in the background, then the keys are deleted."""
    now = clock.now()
    StoreConnection.objects.filter(shop=shop).update(removed_at=now, hooks_due_at=now)
    look_again(*siblings_of(shop.pk))
    wake(CHECK_STORE, shop.pk)


def connect_reverb(shop: Shop, token: str, *, sandbox: bool = False, by_oauth: bool = False) -> connect.Account:
    """Try a token and keep it unless Reverb refuses it outright; returns what the trial found.

    The listings that are known of another account are none of this one's. They stay on Reverb as they are, and are let
    go of in the background, before anything is written with this token. So a token is not kept while listings are known
    and Reverb does not say whose it is.
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
        connection, _ = ReverbConnection.objects.update_or_create(
            shop=shop,
            defaults={
                "token": candidate.token,
                "sandbox": sandbox,
                "by_oauth": by_oauth,
                "account": account.shop_name,
                "account_id": account.id,
                "currency": account.currency,
                "problem": account.problem_id,
                "checked_at": now,
                "hooks_due_at": now,
                "orders_due_at": now,
                # Of another account nothing is known yet.
                **({**hooks.UNKNOWN, "hook_key": unguessable(), "clearing_since": now} if other else {}),
            },
        )
        if other:
            wake(CLEAR_REVERB, shop.pk)
    if connection.budget != candidate.budget:
        limits.count(connection.budget, connect.READS)
    look_again(shop)
    wake(CHECK_REVERB, shop.pk)
    return account


def listings_of(shop: Shop, connection: ReverbConnection | None) -> dict[str, Any]:
    """Return the account that the known listings belong to (Shop.reverb_account), {} where none was connected yet."""
    kept: dict[str, Any] = Shop.objects.values_list("reverb_account", flat=True).get(pk=shop.pk)
    return kept or (account_of(connection) if connection is not None else {})


def account_of(connection: ReverbConnection) -> dict[str, Any]:
    """Return the account of a connection, {} where Reverb did not say whose it is."""
    if not (connection.account_id or connection.account):
        return {}
    return {"id": connection.account_id, "name": connection.account, "sandbox": connection.sandbox}


def _is_same(known: dict[str, Any], mine: dict[str, Any]) -> bool:
    """Return whether two accounts are one: by their ids where both are known and of one kind, else by their names."""
    ids = str(known["id"]), str(mine["id"])
    named = "id" if all(ids) and ids[0].isdecimal() == ids[1].isdecimal() else "name"
    return (known[named], known["sandbox"]) == (mine[named], mine["sandbox"])


def connected_words(shop: Shop, account: connect.Account) -> str:
    """Return the sentences that say which Reverb shop is connected now, and what becomes of one that was before."""
    words = f"Connected to {account.shop_name or 'Reverb'}."
    if account.id and siblings_of(shop.pk):  # a name may be another seller's, too
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
        "no longer keep them in step: end those that you sell here now. Your products are matched by SKU with the "
        "listings of this shop."
    )


def disconnect_reverb(shop: Shop) -> None:
    """Remove our webhooks as far as Reverb lets us, and forget the token. Which account it was is kept.

    Reverb has no call that revokes a token; the seller can delete it there.
    """
    connection = ReverbConnection.objects.filter(shop=shop).first()
    if connection is not None:
        others = siblings_of(shop.pk)
        hooks.drop(connection)
        Shop.objects.filter(pk=shop.pk).update(reverb_account=listings_of(shop, connection))
        connection.delete()
        look_again(*others)


def ask_to_delete(shop: Shop) -> None:
    """Stop all work for a shop and hide it at once; what is stored of it is deleted in the background."""
    disconnect_reverb(shop)
    with transaction.atomic():
        Shop.objects.filter(pk=shop.pk).update(deletion_requested_at=clock.now())
        disconnect_store(shop)


def look_again(*shops: Shop) -> None:
    """Ask for another look at what waits for the seller: settings or a connection changed."""
    Shop.objects.filter(pk__in=[shop.pk for shop in shops]).update(recheck_requested=True)


def lists_of(shop: Shop) -> Lists:
    """Return Reverb's lists for the settings page; empty ones when Reverb does not answer."""
    connection = ReverbConnection.objects.filter(shop=shop).first()
    if connection is None:
        return Lists()
    try:
        return reference.lists(ReverbClient.of(connection), connection.budget)
    except ReverbError:
        return Lists()


def providers_of(shop: Shop) -> tuple[str, ...]:
    """Return the carriers that Reverb takes."""
    connection = ReverbConnection.objects.filter(shop=shop).first()
    return reference.providers(ReverbClient.of(connection)) if connection else PROVIDERS
