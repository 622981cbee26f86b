"""The promises of the design, and whether a run kept them.

Each check says what is allowed and why; docs/simulation.md collects it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from django.db import connection

from listings.models import Order, Product
from shops.models import SyncSettings
from synclog.models import Entry
from tests.simulation import in_store
from tests.simulation.book import Item
from tests.simulation.world import LOCKED
from webhooks.models import Delivery

if TYPE_CHECKING:
    from tests.simulation.calls import Call
    from tests.simulation.run import Run


@dataclass(frozen=True)
class Broken:
    """A broken promise: its number in the design, and what was seen."""

    promise: int
    words: str

    def __str__(self) -> str:
        return f"promise {self.promise}: {self.words}"


def at_first_rest(run: Run) -> list[Broken]:
    """Check right after the story, before a nightly crawl could hide what was lost."""
    return [
        *_check(
            run,
            (
                _deliveries_are_acted_on,
                _orders_are_known,
                _what_is_known_is_on_reverb,
                _what_is_known_to_be_gone_is_off_sale,
            ),
        )
    ]


def at_last(run: Run) -> list[Broken]:
    """Check after every scheduled crawl and poll has run."""
    return [
        *_check(
            run,
            (
                _nothing_breaks,
                _nothing_is_open,
                _keys_are_never_called_refused,
                _fields_agree,
                _one_listing_a_sku,
                _stock_agrees,
                _nothing_sold_is_on_sale_again,
                _orders_are_in_the_store,
                _one_entry_an_attempt,
                _nobody_elses_business,
                _no_token_to_be_read,
                _rate_limits_are_kept,
                _silence_after_429,
            ),
        )
    ]


def _check(run: Run, checks: tuple[Callable[[Run], Iterator[Broken]], ...]) -> Iterator[Broken]:
    with run.processes.running("reader"):
        for check in checks:
            yield from check(run)


# -- 1: a delivery that was answered 2xx is never lost, and is acted on --------------------------------------------


def _deliveries_are_acted_on(run: Run) -> Iterator[Broken]:
    """For each product in an accepted webhook: we have read it from the store since the webhook was sent."""
    for items in run.world.items:
        for item in items:
            ids = re.compile(rf"\b({item.product_id}|{item.variant_id}|{item.counted_id})\b")
            sent = [one for one in run.post.sent if one.taken_at is not None and one.owner == item.domain]
            taken = [one.sent_at for one in sent if ids.search(one.body)]
            known = Product.objects.filter(shop=run.shops[item.shop], store_product_id=item.unit_id).first()
            if item.deleted and (known is None or known.gone_at is not None):
                continue  # deleted before we could read it, or known to be: an order may still name it
            if taken and (known is None or known.read_at.timestamp() < max(taken)):
                yield Broken(1, f"a webhook for {item.sku} was taken and the product was never looked at")


def _orders_are_known(run: Run) -> Iterator[Broken]:
    """For each order on Reverb in an accepted webhook: we know it, or something newer."""
    for posted in run.post.sent:
        if posted.taken_at is None or "order" not in posted.topic or posted.owner not in run.tokens:
            continue
        said = json.loads(posted.body)
        known = Order.objects.filter(shop=run.shops[run.tokens[posted.owner]], number=said["order_number"]).first()
        if known is None or known.updated_at < datetime.fromisoformat(said["updated_at"]):
            yield Broken(1, f"a webhook for order {said['order_number']} was taken and it was never looked at")


def _what_is_known_is_on_reverb(run: Run) -> Iterator[Broken]:
    """A price that we have read from the store is on Reverb once nothing is open, before the nightly crawl."""
    for items in run.world.items:
        for item in items:
            listing, price = run.world.listing(item), run.world.price(item)
            if price is None or listing is None or run.world.shown(listing) == 0:
                continue
            product = Product.objects.filter(shop=run.shops[item.shop], store_product_id=item.unit_id)
            known = product.filter(pending_first_sync=False, gone_at__isnull=True, job__isnull=True).first()
            if known is None or f"{known.seen.price:.2f}" != price:
                continue  # it was not reported, or it waits for the seller
            if listing["price"]["amount"] != price:
                there = listing["price"]["amount"]
                yield Broken(1, f"{item.sku} is known to cost {price}, nothing is open, and Reverb says {there}")


def _fields_agree(run: Run) -> Iterator[Broken]:
    """A received change is on Reverb. A used listing that sold is locked, and a draft belongs to the seller.

    Changes of a cancelled mass sync wait for the seller.
    """
    for items in run.world.items:
        for item in items:
            listing, price = run.world.listing(item), run.world.price(item)
            if price is None or listing is None or run.world.shown(listing) == 0:
                continue
            if listing["price"]["amount"] != price and not _is_pending(run, item):
                yield Broken(1, f"{item.sku} costs {price} in the store and {listing['price']['amount']} on Reverb")


def _nothing_is_open(run: Run) -> Iterator[Broken]:
    for delivery in Delivery.objects.filter(state=Delivery.State.OPEN):
        yield Broken(1, f"a delivery is still open: {delivery.topic}, {delivery.note}")
    if any("it never comes to rest" in line for line in run.lines):
        yield Broken(1, "our side never comes to rest")


# -- 2: never a second listing for a SKU ---------------------------------------------------------------------------


def _one_listing_a_sku(run: Run) -> Iterator[Broken]:
    for items in run.world.items:
        for item in items:
            found = run.world.listings(item)
            if len(found) > 1:
                yield Broken(2, f"{item.sku} has {len(found)} listings")


# -- 3: stock agrees -----------------------------------------------------------------------------------------------


def _stock_agrees(run: Run) -> Iterator[Broken]:
    for number, items in enumerate(run.world.items):
        settings = SyncSettings.objects.get(shop=run.shops[number])
        for item in items:
            yield from _agrees(run, item, settings)


def _what_is_known_to_be_gone_is_off_sale(run: Run) -> Iterator[Broken]:
    """Units that we have read as gone from the store are off sale once nothing is open, before the nightly crawl."""
    for number, items in enumerate(run.world.items):
        settings = SyncSettings.objects.get(shop=run.shops[number])
        for item in items:
            product = Product.objects.filter(shop=run.shops[number], store_product_id=item.unit_id)
            known = product.filter(pending_first_sync=False, gone_at__isnull=True).exclude(job__blocked=False).first()
            there = run.world.in_store(item)
            if known is None or there is None or known.seen.stock != there or item.book.unsure:
                continue
            if run.world.edit_unseen(item) or not run.world.orders_known(item):
                continue
            # Unreported events may have deducted or restocked units.
            shown, left = run.world.shown(run.world.listing(item)), max(there, item.book.units)
            if shown > _cut(item, left, settings):
                yield Broken(3, f"{item.sku}: {left} are left, nothing is open, and Reverb has {shown} on sale")


def _cut(item: Item, units: int, settings: SyncSettings) -> int:
    """Return what Reverb is to show of so many units."""
    found = max(0, units - settings.stock_buffer)
    found = min(found, settings.stock_maximum) if settings.stock_maximum else found
    return min(found, 1) if item.used else found


def _agrees(run: Run, item: Item, settings: SyncSettings) -> Iterator[Broken]:
    listing = run.world.listing(item)
    shown, there = run.world.shown(listing), run.world.in_store(item)
    if item.deleted:
        if shown and run.world.linked(item):
            yield Broken(3, f"{item.sku} is deleted in the store and still on sale on Reverb ({shown})")
        return
    if item.way == "store":
        least = most = item.book.units
    else:
        least, most = max(0, item.book.fewest), max(0, item.book.units)
        # If a sale in the store crossed our change, the store's own number says how many it owes.
        least = min(least, item.book.units)
    if there is None or not least <= there <= most:
        yield Broken(3, f"{item.sku}: the store says {there}, and {item.book.units} are left")
    elif shown != (due := _cut(item, there, settings)) and not _may_be_fewer(run, item, shown, due):
        yield Broken(3, f"{item.sku}: Reverb has {shown} on sale instead of {due} ({item.book.units} are left)")
    if item.way == "both" and item.book.units < 0 and not item.book.unsure and not _is_reported(run, item):
        yield Broken(
            3, f"{item.sku}: {-item.book.units} more were sold than there were, and the seller was not notified"
        )


def _nothing_sold_is_on_sale_again(run: Run) -> Iterator[Broken]:
    """No write of ours offers a unit that was sold before our reading.

    A sale between our reading and our write cannot be known: Reverb accepts numbers, not differences.
    """
    for words in run.watch.unsafe:
        yield Broken(3, words)


def _keys_are_never_called_refused(run: Run) -> Iterator[Broken]:
    """No story revokes keys: a refusal that the next call does not confirm does not count."""
    found = Entry.objects.filter(reason__in=("token_refused", "store_refused")).first()
    if found is not None:
        yield Broken(1, f"the seller was notified that keys are refused, which work ({found.reason})")


def _orders_are_in_the_store(run: Run) -> Iterator[Broken]:
    for words in in_store.wrong(run):
        yield Broken(3, words)


def _is_reported(run: Run, item: Item) -> bool:
    return Entry.objects.filter(shop=run.shops[item.shop], sku=item.sku, reason="oversold").exists()


def _may_be_fewer(run: Run, item: Item, shown: int, due: int) -> bool:
    if shown >= due:
        return False
    led = item.way == "store" and any(order.moved_late for order in item.reverb_orders)
    return led or _may_not_be_relisted(run, item, shown) or _seemed_unmoved(item) or _waits_for_seller(run, item)


def _waits_for_seller(run: Run, item: Item) -> bool:
    """Return whether it was never brought to Reverb: the mass sync for it was cancelled."""
    return run.world.listing(item) is None and _is_pending(run, item)


def _is_pending(run: Run, item: Item) -> bool:
    """Return whether only its stock is synced: the mass sync for the rest was cancelled."""
    rows = Product.objects.filter(shop=run.shops[item.shop], store_product_id=item.unit_id, pending_first_sync=True)
    return rows.exists()


def _seemed_unmoved(item: Item) -> bool:
    """Return whether every reading of the store's number, from before a sale on Reverb until now, was the same.

    If only the store leads, it is then unknown whether the store knows of the sale: the unit is not put on sale again.
    """
    sales = [one.at for one in item.book.changes if one.side == "reverb" and one.by < 0]
    if item.way != "store" or not sales:
        return False
    read = [(call.arrived_at or 0.0, number) for call, number in item.read_there if call.understood]
    before = [number for at, number in read if at < max(sales)][-1:]
    return len({*before, *(number for at, number in read if at >= max(sales))}) == 1


def _may_not_be_relisted(run: Run, item: Item, shown: int) -> bool:
    """Return whether it cannot be relisted: a used listing that sold on Reverb is locked for good."""
    listing = run.world.listing(item)
    if shown:
        return False
    return listing is not None and item.used and listing["state"] in LOCKED


# -- 4: every attempt leaves exactly one entry ---------------------------------------------------------------------


#: Reasons of entries about an order itself, or about a product that could not be read; they belong to no job.
OF_NO_ATTEMPT = "^((order|tracking|picked_up)_|not_readable$)"


def _one_entry_an_attempt(run: Run) -> Iterator[Broken]:
    """One that the rate limiter delayed before any write is no attempt. The next attempt logs one that was killed."""
    claims: dict[str, int] = {}
    for known in run.watch.claims:
        if known.ended == "put off" and not known.writes:
            continue
        claims[known.product] = claims.get(known.product, 0) + 1
        if len(known.entries) > 1:
            yield Broken(4, f"one attempt left {len(known.entries)} entries: {', '.join(known.entries)}")
    for product in Product.objects.all():
        made = claims.get(str(product.pk), 0)
        entries = Entry.objects.filter(shop=product.shop_id, store_product_id=product.store_product_id)
        reasons = list(entries.exclude(reason__regex=OF_NO_ATTEMPT).order_by("pk").values_list("reason", flat=True))
        if made != len(reasons):
            words = ", ".join(reasons)
            yield Broken(4, f"{made} attempts at {product.sku} left {len(reasons)} entries: {words}")


def _nothing_breaks(run: Run) -> Iterator[Broken]:
    for words in run.ours.broke:
        yield Broken(0, words)
    for entry in Entry.objects.filter(reason="our_fault"):
        yield Broken(0, f"an attempt at {entry.sku} broke: {[line for line in run.logs if 'Traceback' in line][-1:]}")


# -- 5: no shop sees or changes another's --------------------------------------------------------------------------


def _nobody_elses_business(run: Run) -> Iterator[Broken]:
    """Each call was made with the token of the shop whose work it was."""
    owners = {items[0].token: run.shops[number].pk for number, items in enumerate(run.world.items)}
    for call in run.calls.made:
        if call.shop_id is not None and call.token and owners.get(call.token) != call.shop_id:
            yield Broken(5, f"{call.method} {call.path} was made for shop {call.shop_id} with another's token")


# -- 6: no token is readable ---------------------------------------------------------------------------------------

#: Tables with external data, or reports of it.
_OPEN_TABLES = (
    "synclog_entry",
    "webhooks_delivery",
    "listings_job",
    "listings_listing",
    "listings_ledger",
    "listings_order",
    "listings_product",
    "listings_crawl",
    "shops_storeconnection",
    "shops_reverbconnection",
    "shops_shop",
)


def _no_token_to_be_read(run: Run) -> Iterator[Broken]:
    tokens = [f"token-{run.story.seed}-"]
    with connection.cursor() as cursor:
        for table in _OPEN_TABLES:
            cursor.execute(f"SELECT count(*) FROM {table} AS row WHERE row::text LIKE %s", [f"%{tokens[0]}%"])
            if cursor.fetchone() != (0,):
                yield Broken(6, f"a token can be read in {table}")
    if any(token in line for token in tokens for line in run.logs):
        yield Broken(6, "a token can be read in the log")


# -- 7: the rate limits --------------------------------------------------------------------------------------------


def _rate_limits_are_kept(run: Run) -> Iterator[Broken]:
    """No minute, wherever it begins, has more calls than allowed. Emptying Redis loses the calls before it."""
    limits = {False: run.story.ways["reads_per_minute"], True: run.story.ways["writes_per_minute"]}
    calls = [call for call in run.calls.made if call.side == "reverb" and call.arrived_at is not None]
    for (token, writes), limit in ((key, limits[key[1]]) for key in {(c.token, c.writes) for c in calls}):
        times = sorted(c.arrived_at or 0.0 for c in calls if (c.token, c.writes) == (token, writes))
        for first, at in enumerate(times):
            inside = [moment for moment in times[first:] if moment < at + 60]
            flushes = sum(at <= moment < at + 60 for moment in run.flushed_at)
            if len(inside) > limit * (1 + flushes):
                kind = "writes" if writes else "reads"
                yield Broken(7, f"{len(inside)} {kind} in a minute, and {limit} are allowed")
                return


def _silence_after_429(run: Run) -> Iterator[Broken]:
    """After a 429, the account is not called before the time is up. Emptying Redis ends the wait."""
    calls = [call for call in run.calls.made if call.side == "reverb"]
    for no in calls:
        if no.status != 429 or no.answered_at is None:
            continue
        until = no.answered_at + (no.retry_after or 1.0)
        forgotten = [moment for moment in run.flushed_at if no.answered_at <= moment < until]
        until = min([until, *forgotten])
        if early := [call for call in calls if _early(call, no, until)]:
            yield Broken(
                7, f"{early[0].method} {early[0].path} came {until - early[0].begun_at:.1f} s too early after 429"
            )
            return


def _early(call: Call, no: Call, until: float) -> bool:
    return call.token == no.token and (no.answered_at or 0.0) < call.begun_at < until - 0.001
