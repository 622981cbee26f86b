"""Make a shop, connect and disconnect it; the pages and the command line share these."""

from __future__ import annotations

from django.db import transaction
from pydantic import SecretStr

from reverbsync import clock
from reverbsync.wake import wake
from shops.models import (
    Membership,
    MissingProducts,
    Person,
    ReverbConnection,
    Shop,
    StoreConnection,
    StoreHealth,
    SyncSettings,
    ToldOrder,
    ToldProduct,
)
from shops.platforms import PLATFORMS
from shops.platforms.addresses import same_address
from shops.platforms.values import Keys, StoreError, StorePassing, StoreRefused
from shops.reverb import connect, hooks, limits, reference
from shops.reverb.client import ReverbClient
from shops.reverb.errors import ReverbError
from shops.reverb.lists import PROVIDERS, Lists

#: Checks what a store says of itself, and its webhooks (shops/upkeep.py).
CHECK_STORE = "shops.check_store"
#: Deletes what is held of a store that was replaced, or is to be forgotten (webhooks/privacy.py).
CLEAR_STORE = "webhooks.clear_store"
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
    """Connect a shop to its store, keeping the webhook address it has. Raises ValueError for a wrong address.

    `problem` says why the store did not answer just now (`try_store`). Another store than before begins anew: products
    of the old one must not count as vanished, which would end their listings. The same store under another spelling of
    its address is no other store.
    """
    now, read = clock.now(), PLATFORMS[platform].read_address(address)
    with transaction.atomic():
        before = StoreConnection.objects.select_for_update().filter(shop=shop).first()
        same = before is not None and before.platform == platform and same_address(before.address, read)
        # So that the webhooks of a former address of ours are removed (shops/upkeep.py).
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
            },
        )
        StoreHealth.objects.filter(shop=shop).delete()
        if before is not None and not same:
            ToldProduct.objects.filter(store=connection).delete()
            MissingProducts.objects.filter(store=connection).delete()
            ToldOrder.objects.filter(store=connection).delete()
            StoreConnection.objects.filter(pk=connection.pk).update(clearing_since=now)
            connection.clearing_since = now
            wake(CLEAR_STORE, shop.pk)
        look_again(shop)
    wake(CHECK_STORE, shop.pk)
    return connection


def try_store(shop: Shop, *, platform: str, address: str, keys: Keys) -> str:
    """Ask the store who it is; return a sentence when it did not answer just now, which may pass.

    Raises StoreRefused when it does not accept the keys or what they ask for, ValueError for a wrong address.
    """
    room = PLATFORMS[platform]
    candidate = StoreConnection(
        shop=shop, platform=platform, address=room.read_address(address), token=keys.token, secret=keys.secret
    )
    try:
        room.client(candidate).check()
    except StorePassing as error:
        return str(error)
    except StoreRefused:
        raise
    except StoreError as error:
        raise StoreRefused(str(error)) from None
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
    wake(CHECK_STORE, shop.pk)


def connect_reverb(shop: Shop, token: str, *, sandbox: bool = False, by_oauth: bool = False) -> connect.Account:
    """Try a token and keep it unless Reverb refuses it outright; returns what the trial found."""
    now = clock.now()
    candidate = ReverbConnection(shop=shop, token=SecretStr(token), sandbox=sandbox)
    account = connect.check(candidate)
    if not account.usable:
        return account
    before = ReverbConnection.objects.filter(shop=shop).first()
    mine = (account.id or account.shop_name, sandbox)
    other = before is not None and (before.account_id or before.account, before.sandbox) != mine
    if before is not None and other:
        hooks.drop(before)
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
            **({"hooks": {}, "hooks_checked_at": None, "orders_read_at": None, **hooks.NEVER_CALLED} if other else {}),
        },
    )
    if connection.budget != candidate.budget:
        limits.count(connection.budget, connect.READS)
    look_again(shop)
    wake(CHECK_REVERB, shop.pk)
    return account


def connected_words(account: connect.Account, before: ReverbConnection | None) -> str:
    """Return the sentence that says which Reverb shop is connected now, and whether another one was before."""
    words = f"Connected to {account.shop_name or 'Reverb'}."
    if before is None or (before.account_id or before.account) == (account.id or account.shop_name):
        return words
    return f"{words} This is another Reverb shop than before ({before})."


def disconnect_reverb(shop: Shop) -> None:
    """Remove our webhooks as far as Reverb lets us, and forget the token.

    Reverb has no call that revokes a token; the seller can delete it there.
    """
    connection = ReverbConnection.objects.filter(shop=shop).first()
    if connection is not None:
        hooks.drop(connection)
        connection.delete()


def ask_to_delete(shop: Shop) -> None:
    """Stop all work for a shop and hide it at once; what is held of it is deleted in the background."""
    disconnect_reverb(shop)
    with transaction.atomic():
        Shop.objects.filter(pk=shop.pk).update(delete_asked_at=clock.now())
        disconnect_store(shop)


def look_again(shop: Shop) -> None:
    """Ask for another look at what waits for the seller: settings or a connection changed."""
    Shop.objects.filter(pk=shop.pk).update(look_again_asked=True)


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
