"""Compare all products with the index, and save what is to be done with each: the preview and the plan.

The decision is the same pure function as in a single sync; no listing is called here.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from django.db import transaction
from django.db.models import Count

from listings.mass_sync import bulk_rows
from listings.mass_sync.batch import Batch
from listings.mass_sync.line_actions import Kind, action_of
from listings.models import Indexed, Line, MassSync, Product
from listings.stock import linking
from listings.sync.cases import ShopRules
from reverbsync import clock

#: Mass syncs of a shop that are retained.
KEPT = 5
BATCH = 200
State = MassSync.State
#: Lower numbers go first.
PRIORITIES = {Kind.END: 0, Kind.UPDATE: 1, Kind.LOOK: 1, Kind.CREATE: 2}


def step(sync: MassSync, rules: ShopRules, *, ahead: timedelta) -> None:
    """Compare the next products, and save their lines with the cursor.

    `ahead`: how far Reverb's clock is ahead of ours.
    """
    following = Product.objects.filter(shop=sync.shop_id, pk__gt=sync.planned_up_to).order_by("pk")
    products = list(following[:BATCH])
    with transaction.atomic():
        if not sync.goes_on():
            return
        if products:
            sync.products += _compare(sync, rules, products, ahead)
            sync.planned_up_to = products[-1].pk
        else:
            Indexed.objects.filter(sync=sync).delete()
            _forget_older(sync)
            sync.state, sync.planned_at, sync.due_at = State.PLANNED, clock.now(), None
        sync.save(update_fields=["planned_up_to", "products", "state", "planned_at", "due_at"])


def _forget_older(sync: MassSync) -> None:
    """Delete the shop's oldest mass syncs: each has a line for every product."""
    kept = MassSync.objects.filter(shop=sync.shop_id).order_by("-begun_at", "-pk").values("pk")[:KEPT]
    MassSync.objects.filter(shop=sync.shop_id).exclude(pk__in=kept).exclude(state__in=MassSync.OPEN).delete()


def _compare(sync: MassSync, rules: ShopRules, found: Sequence[Product], ahead: timedelta) -> int:
    """Save the lines of some products; those gone from the store have one if they still have a listing."""
    known = bulk_rows.known(found)
    products = [one for one in found if one.gone_at is None or (one.pk in known and known[one.pk].reverb_id)]
    batch = Batch.of(sync, rules, products, known, ahead)
    lines = []
    for product in products:
        action = action_of(sync, rules, product, batch)
        lines.append(
            Line(
                sync=sync,
                product=product,
                kind=action.kind,
                priority=PRIORITIES.get(action.kind, 9),
                fields=list(action.fields),
                reason=action.reason,
            )
        )
    bulk_rows.keep(batch.noted)
    linking.begin_all(batch.in_sync, rules.settings)
    Line.objects.bulk_create(lines, ignore_conflicts=True)
    return len(lines)


def counts(sync: MassSync) -> dict[str, int]:
    """Return the number of lines of each kind."""
    found = Line.objects.filter(sync=sync).values("kind").annotate(n=Count("pk")).values_list("kind", "n")
    return dict.fromkeys(Kind.values, 0) | dict(found)
