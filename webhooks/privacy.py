"""What the law asks for: tell what is held of a customer, forget a customer, forget a store.

Of a store's customers nothing is kept beyond the deliveries that are still open: bodies of orders are emptied once they
are worked off (`Platform.personal_topics`). So forgetting a customer is emptying what is left of such bodies. Of buyers
on Reverb name and address are kept only while the shop has its orders made in the store; since nobody can tell whether
a customer of the store is one of them, forgetting a customer empties those of all orders that are done with.
"""

from __future__ import annotations

import logging
from typing import Any

from django.db import transaction
from django.db.models import QuerySet

from listings.models import Job, Listing, Order, Product, Recheck, Walk
from listings.orders import forget
from shops import mail
from shops.events import CustomerDataAsked, CustomerForgotten, Event
from shops.models import Shop, StoreConnection
from shops.platforms import platform_of
from shops.platforms.values import StorePassing
from synclog.models import Entry
from webhooks.models import Delivery

logger = logging.getLogger(__name__)

PORTION = 5_000


class NotMailed(StorePassing):
    """The mail could not be handed on. The event is to be followed again later."""


def follow(shop: Shop, event: Event) -> None:
    """Do what an event about a person's data asks for; other events are none of our business. Raises NotMailed."""
    match event:
        case CustomerForgotten():
            _empty(shop)
        case CustomerDataAsked(customer_id, order_ids):
            _tell_owners(shop, customer_id, order_ids)


def forget_store(shop: Shop) -> None:
    """Delete all that is held of a store whose seller left, unless it was connected again since.

    The shop itself and its people stay: they are accounts here, and can be deleted by their owner.
    """
    with transaction.atomic():
        store = StoreConnection.objects.select_for_update().filter(shop=shop).first()
        if store is None or store.removed_at is None:
            logger.warning("Shop %s is to be forgotten, but its store is connected; nothing was deleted", shop.pk)
            Delivery.objects.filter(shop=shop, topic__in=platform_of(shop.store).app_topics).delete()
            return
        _delete_rows(shop, Delivery.objects.filter(source="store"))
        # Sales on Reverb belong to that account. Their units were the old store's.
        forget.buyers_of(shop)
        Order.objects.filter(shop=shop).update(counts=False, counted=0, shown=0)
        store.delete()


def delete_asked_for() -> None:
    """Delete the shops whose owners asked for it, each as soon as its webhooks are removed from the store."""
    for shop in Shop.objects.filter(delete_asked_at__isnull=False):
        store = StoreConnection.objects.filter(shop=shop).first()
        if store is not None and store.hooks_due_at is not None:
            continue  # upkeep is still taking it down, for a day at most
        number = shop.pk
        _delete_rows(shop, Delivery.objects.all(), Order.objects.all())
        shop.delete()
        logger.info("Shop %s was deleted as its owner asked", number)


def _delete_rows(shop: Shop, *more: QuerySet[Any]) -> None:
    """Delete what may be many rows in portions, each its own statement."""
    for rows in (*more, *(table.objects.all() for table in (Job, Listing, Walk, Recheck, Product, Entry))):
        mine = rows.filter(shop=shop).order_by("pk").values_list("pk", flat=True)
        while rows.model.objects.filter(pk__in=list(mine[:PORTION])).delete()[0]:
            pass


def _empty(shop: Shop) -> None:
    topics = platform_of(shop.store).personal_topics
    kept = Delivery.objects.filter(shop=shop, topic__in=topics).exclude(state=Delivery.State.OPEN)
    kept.update(body=b"")
    forget.buyers_of(shop, only_done=True)


def _tell_owners(shop: Shop, customer_id: str, order_ids: tuple[str, ...]) -> None:
    """Answer the request by mail to the shop's owners, who must pass it on to their customer within 30 days."""
    topics = platform_of(shop.store).personal_topics
    held = Delivery.objects.filter(shop=shop, topic__in=topics, state=Delivery.State.OPEN).count()
    sent = mail.to_owners(
        shop.pk,
        f"A customer of {shop.name} asks for their data",
        f"The customer {customer_id} of your store asked what is held of them"
        f"{' (orders ' + ', '.join(order_ids) + ')' if order_ids else ''}.\n\n"
        "ReverbSync keeps no customers, addresses or orders of your store. Order messages are emptied as soon as they "
        f"are worked off; {held} of them are waiting at this moment.\n"
        f"Of {forget.held(shop)} orders on Reverb the buyer's name and address are kept; the export on the shop's data "
        "page holds them.\n",
    )
    if not sent:
        raise NotMailed("The owner could not be mailed what a customer asked.")
