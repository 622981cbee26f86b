"""Connect a shop to its store, and disconnect it; shared by the pages and the command line."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction
from pydantic import SecretStr

from reverbsync import clock
from reverbsync.dispatch.wake import wake
from shops.models import FormerStore, MissingProducts, PushedOrder, PushedProduct, Shop, StoreConnection, StoreHealth
from shops.models.connections import unguessable
from shops.platforms import PLATFORMS
from shops.platforms.addresses import same_address
from shops.platforms.errors import StoreAuthError, StoreError, TransientStoreError
from shops.platforms.values import Keys
from shops.recheck import look_again
from shops.shared_account import shops_sharing_account

#: Checks a store's name and currency, and its webhooks (shops/connect/upkeep.py).
CHECK_STORE = "shops.check_store"
#: Deletes the data of a store that was replaced or must be forgotten (webhooks/privacy/erase.py).
CLEAR_STORE = "webhooks.clear_store"
#: Removes our webhooks from a replaced store (shops/connect/upkeep.py).
LEAVE_STORE = "webhooks.leave_store"


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
        saved = PLATFORMS[platform].replacing(keys, before) if before is not None and same else keys
        # Needed to remove webhooks from a former address of ours (shops/connect/upkeep.py).
        site = {name: value for name, value in before.hooks.items() if name == "site"} if before and same else {}
        connection, _ = StoreConnection.objects.update_or_create(
            shop=shop,
            defaults={
                "platform": platform,
                "address": read,
                "token": saved.token,
                "secret": saved.secret,
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
