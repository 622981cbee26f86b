"""Check the outcome of a mass sync in the database and at the stand-in Reverb."""

from __future__ import annotations

from collections import Counter
from decimal import Decimal
from typing import Any

from django.db import connection

from listings.models import Job, Line, MassSync
from listings.queue import jobs
from shops.models import Shop
from synclog.models import Entry

# A claim that the rate limiter put back before the listing was read does not count as an attempt.
_WATCH = """
CREATE TABLE bench_claim (lease uuid PRIMARY KEY, shop_id bigint, product_id bigint, at timestamptz);
CREATE FUNCTION bench_claimed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.lease IS NOT NULL AND NEW.lease IS DISTINCT FROM OLD.lease THEN
        INSERT INTO bench_claim VALUES (NEW.lease, NEW.shop_id, NEW.product_id, NEW.lease_until - %(lease)s::interval);
    ELSIF NEW.lease IS NULL AND NEW.attempts = OLD.attempts - 1 THEN
        DELETE FROM bench_claim WHERE lease = OLD.lease AND NOT EXISTS (
            SELECT 1 FROM listings_product WHERE id = NEW.product_id AND looked_at >= bench_claim.at
        );
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER bench_claimed AFTER UPDATE OF lease ON listings_job FOR EACH ROW EXECUTE FUNCTION bench_claimed();
"""
_CLAIMS = """
SELECT product.store_product_id, count(*) FROM bench_claim AS claim
JOIN listings_product AS product ON product.id = claim.product_id WHERE claim.shop_id = %s GROUP BY 1
"""


def watch_claims() -> None:
    """Install a trigger that records each claim of a job from now on."""
    with connection.cursor() as cursor:
        cursor.execute(_WATCH, {"lease": f"{jobs.LEASE.total_seconds()} s"})


def claims(owner: Shop) -> int:
    """Return how many times a shop's jobs were claimed."""
    return _claims(owner.pk).total()


def right(sync: MassSync, found: list[dict[str, Any]], wanted: list[dict[str, Any]]) -> dict[str, bool]:
    """Return condition → whether it holds.

    `found` are the account's listings as stored, `wanted` what they should contain, in the form that is sent.
    """
    as_sent = {one["sku"]: one for one in map(_wanted, wanted)}
    unlike = [one for one in map(_shown, found) if one != as_sent.get(one["sku"])]
    calls = Line.objects.filter(sync=sync, kind__in=Line.CALLS)
    undone = calls.exclude(state=Line.State.DONE).count()
    logged = Entry.objects.filter(shop=sync.shop_id).values_list("store_product_id", flat=True)
    not_logged = _difference(_claims(sync.shop_id), Counter(logged))
    skus = Counter(row["sku"] for row in found)
    once = skus == Counter(row["sku"] for row in wanted)
    return {
        f"it ended by itself ({sync.state})": sync.state == MassSync.State.DONE,
        f"all {calls.count():,} lines are done ({undone:,} are not)": not undone,
        f"no job is left ({(left := Job.objects.filter(shop=sync.shop_id).count())})": not left,
        f"each SKU has exactly one listing ({len(skus):,} SKUs, {len(found):,} listings)": once,
        f"each listing is as its product ({len(unlike):,} are not)": not unlike,
        f"each claim left exactly one entry ({len(not_logged):,} products where not)": not not_logged,
    }


def _claims(shop_id: int) -> Counter[str]:
    """Return the product's id in the store → how often its job was claimed."""
    with connection.cursor() as cursor:
        cursor.execute(_CLAIMS, [shop_id])
        return Counter(dict(cursor.fetchall()))


def _difference(one: Counter[str], other: Counter[str]) -> list[str]:
    return [key for key in one | other if one[key] != other[key]]


_SAME = ("sku", "title", "description", "make", "model", "finish", "has_inventory", "inventory")


def _shown(listing: dict[str, Any]) -> dict[str, Any]:
    """Return the compared fields of a listing as the stand-in stores it."""
    more = {"state": listing["state"], "condition": listing["condition"], "categories": listing["categories"]}
    return {name: listing[name] for name in _SAME} | more | _price(listing)


def _wanted(body: dict[str, Any]) -> dict[str, Any]:
    """Return the same fields of a listing in the form in which it is sent."""
    condition, categories = body["condition"]["uuid"], [one["uuid"] for one in body["categories"]]
    more = {"state": "live", "condition": condition, "categories": categories}
    return {name: body[name] for name in _SAME} | more | _price(body)


def _price(doc: dict[str, Any]) -> dict[str, Any]:
    return {"price": (Decimal(doc["price"]["amount"]), doc["price"]["currency"])}
