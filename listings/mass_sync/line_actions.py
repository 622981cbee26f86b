"""What a mass sync is to do with each product of a batch."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import datetime

from listings.mass_sync import bulk_rows
from listings.mass_sync.batch import Batch
from listings.models import Indexed, Ledger, Line, Listing, MassSync, Product
from listings.stock import linking, targets
from listings.stock.agreed import shown
from listings.sync.cases import ShopRules, counted
from listings.sync.decide import decide
from listings.sync.decision import Action, Case, Decision
from listings.sync.differences import already_agreed
from listings.sync.find import the_one
from reverbsync import clock
from shops.models import FIELDS
from shops.models.settings import StockWay
from shops.reverb.availability import is_news, number_of
from shops.snapshots import ReverbListing
from synclog.reasons import REASONS

Kind = Line.Kind


@dataclass(frozen=True)
class LineAction:
    """What is to be done with a product, and why."""

    kind: Line.Kind
    reason: str = ""
    fields: tuple[str, ...] = ()


def action_of(sync: MassSync, rules: ShopRules, product: Product, batch: Batch) -> LineAction:
    """Return what is to be done with a product. What is known of its listing now is noted in `batch`."""
    chosen = product.pk in batch.chosen
    row = batch.own.get(product.pk)
    linked = row is not None and bool(row.reverb_id)  # known by its id, even if the SKU is unclear
    if not linked and (unclear := _unclear(product, batch)) is not None:
        return unclear
    if row is None:
        return LineAction(Kind.LEFT, "gone" if chosen else "not_chosen")
    found = _indexed(row, product, batch)
    if isinstance(found, LineAction):
        return found
    action = LineAction(Kind.LOOK)
    if found is not None or not (row.reverb_id or sync.incomplete):
        action = _compared(rules, product, row, found, batch)
    if not chosen and action.kind != Kind.END:
        return LineAction(Kind.LEFT, "not_chosen")
    return action


def _compared(rules: ShopRules, product: Product, row: Listing, found: Indexed | None, batch: Batch) -> LineAction:
    listing, read_at = _newest(row, found)
    case = _case(rules, product, row, listing, sku_unclear=product.sku in batch.twice)
    action = _meant(decide(case))
    if action.kind in Line.CALLS or row.snapshot is None or row.snapshot.get("state") != (listing or row).state:
        batch.noted.append(bulk_rows.Noted(row, row.read_at))
        _note(row, case, read_at)
    if action.kind != Kind.NOTHING or listing is None or not rules.settings.sync_stock:
        return action
    ledger = Ledger.of(row)
    both = rules.settings.stock_way == StockWay.BOTH
    if ledger is not None and is_news(listing, ledger.reverb, both=both):
        return LineAction(Kind.LOOK)
    # In sync and live: both sides have the same units for sale, so the ledger can be created.
    if ledger is None and both and product.pk in batch.chosen and listing.state == "live":
        batch.in_sync.append(linking.InSync(row, product, batch.read(product, listing, read_at)))
    return action


def _newest(row: Listing, found: Indexed | None) -> tuple[ReverbListing | None, datetime]:
    """Return the listing as last seen, and when: a single sync may have read it after its page was read."""
    if found is None:
        return None, clock.now()
    if row.snapshot is not None and row.read_at is not None and row.read_at > found.read_at:
        return ReverbListing.from_json(row.snapshot), row.read_at
    return ReverbListing.from_json(found.snapshot), found.read_at


def _unclear(product: Product, batch: Batch) -> LineAction | None:
    if product.gone_at is not None:
        return None
    if not product.sku:
        return LineAction(Kind.CANNOT, "no_sku")
    return LineAction(Kind.CANNOT, "sku_twice") if product.sku in batch.twice else None


def _indexed(row: Listing, product: Product, batch: Batch) -> Indexed | LineAction | None:
    """Return what the index shows of a product's listing, None if nothing."""
    if row.reverb_id:
        return batch.by_id.get(row.reverb_id)
    same = {one.reverb_id: one for one in batch.by_sku.get(product.sku, [])}
    if not same:
        return None
    found = same.get(the_one({one.reverb_id: str(one.snapshot.get("state") or "") for one in same.values()}))
    if found is None:
        return LineAction(Kind.CANNOT, "two_listings")
    if found.reverb_id in batch.theirs:
        return LineAction(Kind.CANNOT, "another_shop")
    if batch.owner.get(found.reverb_id, product.pk) != product.pk:
        return LineAction(Kind.LOOK)  # its product got another SKU, and its own job has yet to write it to Reverb
    return found


def _case(
    rules: ShopRules, product: Product, row: Listing, listing: ReverbListing | None, *, sku_unclear: bool
) -> Case:
    units, number = _stock(rules, product, row, listing)
    return rules.case(product, row, listing, units=units, number=number, sku_unclear=sku_unclear)


def _stock(
    rules: ShopRules, product: Product, row: Listing, listing: ReverbListing | None
) -> tuple[int | None, int | None]:
    """Return what Reverb is to show, and what it showed when that was last agreed."""
    ledger = Ledger.of(row)
    units = counted(product)
    if not rules.settings.sync_stock:
        return units, None
    if ledger is None:
        return _cut(rules, product, units), number_of(listing)
    if rules.settings.stock_way == StockWay.STORE or units is None:
        units = targets.to_show(ledger, product, rules.settings)
    elif units:
        units = _cut(rules, product, ledger.units + (product.seen.stock or 0) - ledger.store)
    return units, ledger.reverb


def _cut(rules: ShopRules, product: Product, units: int | None) -> int | None:
    return None if units is None else shown(units, **targets.limits(product, rules.settings))


def _note(row: Listing, case: Case, read_at: datetime) -> None:
    """Link the listing that the index shows, or record that it shows none."""
    listing = case.listing
    if listing is not None:
        row.reverb_id, row.link, row.state = listing.id, listing.web_url[:1000], listing.state[:40]
        row.snapshot = listing.to_json()
        row.agreed = {**row.agreed, **already_agreed(case)}
        row.read_at = read_at
    row.indexed_at = read_at


def _meant(decision: Decision) -> LineAction:
    match decision.action:
        case Action.CREATE:
            return LineAction(Kind.CREATE, decision.reason)
        case Action.NOTHING:
            return LineAction(Kind.NOTHING, decision.reason)
        case Action.SKIP:
            waits = REASONS[decision.reason].waits
            return LineAction(Kind.CANNOT if waits else Kind.LEFT, decision.reason)
    names = (*decision.sends, *decision.follow)
    fields = tuple(FIELDS.get(name, name.upper()) for name in names if name != "publish")
    return LineAction(Kind.END if decision.reason == "ended" else Kind.UPDATE, decision.reason, fields)


def fields(sync: MassSync) -> list[tuple[str, int]]:
    """Return the fields that differ, with the number of listings that change in each, most frequent first."""
    found: Counter[str] = Counter()
    for names in Line.objects.filter(sync=sync, kind=Kind.UPDATE).values_list("fields", flat=True).iterator():
        found.update(names)
    return found.most_common()
