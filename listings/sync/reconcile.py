"""One pass of an attempt: find the listing, decide and apply."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial

from django.db.models import F

from listings.models import Listing, Order, Product
from listings.orders import listing_events
from listings.queue import jobs
from listings.queue.jobs import Claim
from listings.stock.session import StockSession
from listings.stock.targets import to_write
from listings.sync import context, oversell_check, rows
from listings.sync.cases import counted
from listings.sync.context import ShopContext
from listings.sync.decision import Case
from listings.sync.find import Found, find
from listings.sync.log import Change, Ending
from listings.sync.rows import AttemptInput
from listings.sync.steps import Steps
from listings.sync.store_steps import skipped
from reverbsync import clock
from shops.models import ReverbConnection, SyncSettings
from shops.reverb import connect
from shops.reverb.client import ReverbClient
from shops.reverb.errors import NoAnswer, RateLimited, SlowDown, TransientError
from shops.snapshots import ReverbListing

#: Seconds until an attempt starts again if news overtook it before it wrote anything.
AT_ONCE_S = 0.05
#: Seconds until the next pass while the listings of the previously connected account are released.
CLEARS_IN_S = 5.0


@dataclass
class Reconciliation:
    """One pass over a product and its listing. `done` collects the changes, logged even if a later step fails."""

    begun: AttemptInput
    taken: Claim
    began_at: datetime
    done: list[Change]

    def run(self) -> Ending:
        """Find, decide, apply. Raises ReverbError."""
        ctx, taken = context.shop_context(self.begun), self.taken
        product, connection, settings = self.begun.product, ctx.connection, ctx.shop.sync_settings
        if not settings.auto_sync and taken.trigger not in (jobs.BY_HAND, jobs.MASS):
            return skipped("auto_sync_off")
        if connection is None or _unusable(connection):
            return skipped("not_connected")
        self.begun.only_end = product.pending_first_sync or not ctx.rules.is_chosen(product)
        if self.begun.only_end and not _sold_somewhere(self.begun, settings):
            return skipped("not_chosen")
        client = ReverbClient.of(connection, before_call=partial(_before_write, product, taken))
        try:
            found = find(client, self.begun, indexed=taken.trigger == jobs.MASS)
        except (RateLimited, SlowDown, NoAnswer):
            raise
        except TransientError:  # Reverb's response for this listing cannot be read, perhaps permanently
            if (ending := self._end_unread(ctx, connection, client)) is None:
                raise
            return ending
        return self._go_on(ctx, connection, client, found)

    def _go_on(self, ctx: ShopContext, connection: ReverbConnection, client: ReverbClient, found: Found) -> Ending:
        """Decide and apply, now that the listing is known."""
        begun, product, settings = self.begun, self.begun.product, ctx.shop.sync_settings
        row = found.row or (begun.row if begun.row is not None and begun.row.reverb_id else None)
        if row is None:
            return skipped(found.reason)
        stock = self._stock(row, connection, client, indexed_at=found.indexed_at)
        if settings.sync_stock:
            try:
                found = replace(found, listing=stock.look(found.listing))
            finally:
                begun.ledger = stock.ledger or begun.ledger
        if found.reason:  # nothing may be written to Reverb, but sales there still go to the store
            return Steps(client, row, stock, self.done).to_store_only(skipped(found.reason))
        urgent = self.taken.rank in jobs.URGENT
        if urgent and (again_s := listing_events.again_s(row, found.listing, clock.now())) is not None:
            stock.come_back(again_s)
        steps = Steps(client, row, stock, self.done, in_bulk=self.taken.trigger == jobs.MASS)
        units = stock.units if settings.sync_stock else counted(product)
        listing = stock.as_known(found.listing)
        alone = ctx.rules.stock_case(product, row, listing, units=units, number=stock.number)
        if begun.only_end and alone.units:
            alone = alone.without({"stock"})

        def whole() -> Case:
            if begun.only_end:
                return alone
            rules = ctx.complete(client)
            return rules.case(product, row, listing, units=units, number=stock.number, sku_unclear=begun.sku_twice)

        ending = steps.run(alone, whole)
        connect.saw_listing(connection, row.state)
        return ending

    def _end_unread(self, ctx: ShopContext, connection: ReverbConnection, client: ReverbClient) -> Ending | None:
        """End a sold-out listing that repeatedly cannot be read: its id is known.

        None if units are left, or the listing was not on sale.
        """
        row, synced = self.begun.row, ctx.shop.sync_settings.sync_stock
        if (
            self.taken.attempt == 1
            or not synced
            or row is None
            or row.snapshot is None
            or not oversell_check.on_sale(row)
        ):
            return None
        stock = self._stock(row, connection, client)
        stock.look_at_store()
        self.begun.ledger = stock.ledger or self.begun.ledger
        listing = ReverbListing.from_json(row.snapshot)
        case = ctx.rules.stock_case(self.begun.product, row, listing, units=stock.units, number=stock.number)
        return Steps(client, row, stock, self.done).end_only(case) if stock.units == 0 else None

    def _stock(
        self, row: Listing, connection: ReverbConnection, client: ReverbClient, *, indexed_at: datetime | None = None
    ) -> StockSession:
        return StockSession(
            row,
            self.begun.product,
            context.shop_context(self.begun).shop.sync_settings,
            connection,
            client,
            partial(rows.save, row),
            known=self.begun.ledger,
            orders_read_at=self.begun.orders_read_at,
            sold=self.begun.sold,
            since=self.began_at,
            indexed_at=indexed_at,
        )


def _before_write(product: Product, taken: Claim) -> None:
    """Reject a call that was decided on outdated stock: it may have waited for the rate limiter."""
    if jobs.renew(taken, now=clock.now()) and _stock_moved(product):
        raise RateLimited("The stock in your store changed meanwhile.", retry_after=AT_ONCE_S)


def _stock_moved(product: Product) -> bool:
    return Product.objects.only("snapshot").get(pk=product.pk).seen.stock != product.seen.stock


def _sold_somewhere(begun: AttemptInput, settings: SyncSettings) -> bool:
    """Return whether a product that does not go to Reverb sold there all the same, or is listed and sold out.

    A product that is not for sale counts as sold out, even if the store does not count it. A sale that the ledger has
    counted stays open while the store still has its unit: an earlier attempt failed there.
    """
    product, ledger = begun.product, begun.ledger
    if Order.objects.filter(product=product).exclude(reckoned=F("status")).exists():
        return True
    if (
        ledger is not None
        and settings.sync_stock
        and (ledger.pending_adjustment is not None or to_write(ledger, settings))
    ):
        return True
    listed = begun.row is not None and (begun.row.reverb_id or begun.row.may_turn_up(clock.now()))
    return bool(listed) and oversell_check.left(product, ledger, settings, bare=True) == 0


def _unusable(connection: ReverbConnection) -> bool:
    """Return whether an attempt would be useless. Raises RateLimited while another account's listings are released."""
    if connection.clearing_since is not None:
        raise RateLimited("The listings of another Reverb account are being let go of.", retry_after=CLEARS_IN_S)
    problem = connect.PROBLEMS.get(connection.problem)
    return not connection.token.get_secret_value() or (problem is not None and not problem.usable)
