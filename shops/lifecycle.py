"""Create a shop, connect and disconnect it; shared by the pages and the command line."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
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
from shops.shared_account import shops_sharing_account

#: Checks a store's name and currency, and its webhooks (shops/connect/upkeep.py).
CHECK_STORE = "shops.check_store"
#: Deletes the data of a store that was replaced or must be forgotten (webhooks/privacy/erase.py).
CLEAR_STORE = "webhooks.clear_store"
#: Removes our webhooks from a replaced store (shops/connect/upkeep.py).
LEAVE_STORE = "webhooks.leave_store"
#: Removes the links to another Reverb account's listings (listings/upkeep/former_account.py).
CLEAR_REVERB = "webhooks.clear_reverb"
#: Checks our webhooks at Reverb (shops/reverb/upkeep.py).
CHECK_REVERB = "shops.check_reverb"


def shop(owner: Person, name: str) -> Shop:
    """Create a shop that `owner` owns, with default settings."""
    with transaction.atomic():
        made = Shop.objects.create(name=name)
        Membership.objects.create(shop=made, person=owner, role=Membership.Role.OWNER)
        SyncSettings.objects.create(shop=made)
    return made


def connect_store(shop: Shop, *, platform: str, address: str, keys: Keys, problem: str = "") -> StoreConnection:
    """Connect a shop to its store. Raise ValueError for an invalid address.

    `problem` says why the store did not answer just now (`try_store`). A different store starts from nothing, with its
    own webhook address: the old store's products must not count as vanished, which would end their listings, and its
    late webhooks must not be attributed to the new store. Our webhooks there are removed in the background. The same
    store under another spelling of its address keeps its webhook address.
    """
    now, read = clock.now(), PLATFORMS[platform].read_address(address)
    with transaction.atomic():
        before = StoreConnection.objects.select_for_update().filter(shop=shop).first()
        same = before is not None and before.platform == platform and same_address(before.address, read)
        # Needed to remove webhooks from a former address of ours (shops/connect/upkeep.py).
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
        if same and not problem:  # work that failed with the old keys becomes due (outages.make_due)
            StoreHealth.objects.create(shop=shop, back_at=now)
        if before is not None and not same:
            _replace(before, connection, now)
        look_again(shop)
    wake(CHECK_STORE, shop.pk)
    return connection


def _replace(before: StoreConnection, connection: StoreConnection, now: datetime) -> None:
    """Leave the former store, and clear what came from it. Both happen in the background."""
    shop_id = connection.shop_id
    kept = {name: getattr(before, name) for name in ("platform", "address", "token", "secret", "hook_key")}
    due_at = now if before.token.get_secret_value() else now + FormerStore.CALLS_FOR
    FormerStore.objects.create(shop_id=shop_id, left_at=now, due_at=due_at, **kept)
    wake(LEAVE_STORE, shop_id)
    PushedProduct.objects.filter(store=connection).delete()
    MissingProducts.objects.filter(store=connection).delete()
    PushedOrder.objects.filter(store=connection).delete()
    StoreConnection.objects.filter(pk=connection.pk).update(clearing_since=now)
    connection.clearing_since = now
    wake(CLEAR_STORE, shop_id)


def try_store(shop: Shop, *, platform: str, address: str, keys: Keys) -> str:
    """Call the store with new keys; return a sentence if it did not answer just now, else "".

    Raise StoreAuthError if it refuses the keys or a permission, ValueError for an invalid address.
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
    """Record that the store removed our app: delete its token, and show it on the shop's page.

    Products, listings and the log stay.
    """
    StoreConnection.objects.filter(shop=shop).update(
        token=SecretStr(""), removed_at=clock.now(), hooks={}, hooks_due_at=None
    )
    shop.store.refresh_from_db()


def disconnect_store(shop: Shop) -> None:
    """Stop syncing with the store at once; its webhooks are removed in the background, then the keys are deleted."""
    now = clock.now()
    StoreConnection.objects.filter(shop=shop).update(removed_at=now, hooks_due_at=now)
    look_again(*shops_sharing_account(shop.pk))
    wake(CHECK_STORE, shop.pk)


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
        anew = {**hooks.UNKNOWN, "hook_key": unguessable(), "clearing_since": now} if other else {}
        saved = {
            "token": candidate.token,
            "sandbox": sandbox,
            "by_oauth": by_oauth,
            **_of_account(account, now),
            **anew,
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


def ask_to_delete(shop: Shop) -> None:
    """Stop all work for a shop and hide it at once; its data is deleted in the background."""
    disconnect_reverb(shop)
    with transaction.atomic():
        Shop.objects.filter(pk=shop.pk).update(deletion_requested_at=clock.now())
        disconnect_store(shop)


def look_again(*shops: Shop) -> None:
    """Request a recheck of products that wait for the seller, because settings or a connection changed."""
    Shop.objects.filter(pk__in=[shop.pk for shop in shops]).update(recheck_requested=True)


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
