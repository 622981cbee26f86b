"""Create a shop, and delete one; shared by the pages and the command line."""

from __future__ import annotations

from django.db import transaction

from reverbsync import clock
from shops.models import Membership, Person, Shop, SyncSettings
from shops.reverb_connection import disconnect_reverb
from shops.store_connection import disconnect_store


def create_shop(owner: Person, name: str) -> Shop:
    """Create a shop that `owner` owns, with default settings."""
    with transaction.atomic():
        made = Shop.objects.create(name=name)
        Membership.objects.create(shop=made, person=owner, role=Membership.Role.OWNER)
        SyncSettings.objects.create(shop=made)
    return made


def ask_to_delete(shop: Shop) -> None:
    """Stop all work for a shop and hide it at once; its data is deleted in the background."""
    disconnect_reverb(shop)
    with transaction.atomic():
        Shop.objects.filter(pk=shop.pk).update(deletion_requested_at=clock.now())
        disconnect_store(shop)
