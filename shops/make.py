"""Make a shop and its connections; the pages and the command line share these."""

from __future__ import annotations

from django.db import transaction
from pydantic import SecretStr

from reverbsync import clock
from shops.models import Membership, Person, ReverbConnection, Shop, StoreConnection, SyncSettings
from shops.platforms import PLATFORMS
from shops.reverb import connect, reference
from shops.reverb.client import ReverbClient
from shops.reverb.errors import ReverbError
from shops.reverb.lists import Lists


def shop(owner: Person, name: str) -> Shop:
    """Make a shop that `owner` owns, with default settings."""
    with transaction.atomic():
        made = Shop.objects.create(name=name)
        Membership.objects.create(shop=made, person=owner, role=Membership.Role.OWNER)
        SyncSettings.objects.create(shop=made)
    return made


def connect_store(shop: Shop, *, platform: str, address: str, token: str, secret: str) -> StoreConnection:
    """Connect a shop to its store, keeping the webhook address it has. Raises ValueError for a wrong address."""
    host = PLATFORMS[platform].read_address(address)
    connection, _ = StoreConnection.objects.update_or_create(
        shop=shop,
        defaults={
            "platform": platform,
            "address": host,
            "token": SecretStr(token),
            "secret": SecretStr(secret),
            "removed_at": None,
        },
    )
    look_again(shop)
    return connection


def connect_reverb(shop: Shop, token: str) -> connect.Account:
    """Try a token and keep it unless Reverb refuses it outright; returns what the trial found."""
    candidate = ReverbConnection(shop=shop, token=SecretStr(token))
    account = connect.check(candidate.token, candidate.budget)
    if account.problem is not None and not account.problem.usable:
        return account
    ReverbConnection.objects.update_or_create(
        shop=shop,
        defaults={
            "token": candidate.token,
            "account": account.shop_name,
            "account_id": account.id,
            "problem": account.problem.id if account.problem else "",
            "checked_at": clock.now(),
        },
    )
    look_again(shop)
    return account


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
