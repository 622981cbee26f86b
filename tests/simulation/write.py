"""Generate a story from a seed. The same seed always gives the same story."""

from __future__ import annotations

from dataclasses import replace
from random import Random
from typing import Any

from tests.simulation.story import HANGS, OUT_OF_ORDER, Side, Step, Story, Thing

SKUS = ("AX-1", "BASS-2", "CAJON-3", "DRUM-4")
#: Word → its weight.
PEOPLE = {
    "sell": 10,
    "take back": 4,
    "count": 5,
    "price": 4,
    "buy": 10,
    "buy unpaid": 4,
    "pay": 3,
    "ship": 1,
    "ship in the store": 2,
    "cancel": 4,
    "refund": 3,
    "block": 1,
    "count on reverb": 2,
    "delete": 1,
    "make": 2,
    "hold back": 1,
    "show at most": 1,
    "stop syncing": 1,
    "start syncing": 2,
    "mass sync": 2,
    "pause mass sync": 1,
    "resume mass sync": 1,
    "cancel mass sync": 1,
}
TROUBLE = {
    "lose the request": 3,
    "lose the answer": 5,
    "refuse the line": 1,
    "slow": 2,
    "status": 5,
    "nonsense": 1,
    "page": 5,
    "errors": 2,
    "store hangs": 1,
    "reverb hangs": 1,
    "store out of order": 2,
    "reverb out of order": 2,
    "die": 7,
    "second worker": 4,
    "flush": 1,
    "pass": 2,
}
#: Platform → its weight.
PLATFORMS = {"shopify": 4, "woocommerce": 3, "bigcommerce": 2, "magento2": 3, "custom": 2}
#: Rare events, which would get lost among the others.
HARDSHIPS = {
    "refuse the price": 3,
    "refuse the listing": 3,
    "refuse the keys": 3,
    "duplicate": 3,
    "store drags": 2,
    "reverb drags": 1,
    "store out of order": 1,
    "reverb out of order": 2,
    "odd delivery": 2,
    "page": 2,
}
#: Durations in seconds.
HARD_S = (60, 300, 900)
STATUSES = (429, 429, 500, 503, 502)
#: Statuses of a page: CDNs, firewalls, themes and half-updated plug-ins respond with any status.
PAGES = (200, 302, 400, 402, 403, 403, 404, 404, 405, 409, 410, 418, 422, 423, 500, 503, 520)
PASSES = (20, 60, 300, 900)
#: Seconds for which a side answers only 503.
OUTAGES = (5, 20, 60, 120)
#: Share of sellers whose orders are created in the store, and whose parcels are reported.
TAKERS = 0.35
#: Share of stories that end with an edit while the previous one is in flight: nothing follows that would fix it.
LAST_WORDS = 0.3
#: Share of stories with a moment in which much happens at once.
RUSHES = 0.35
#: Share of stories in which stores have several locations, if their platform has them.
SCATTERED = 0.3
#: Share of those that begin without listings in which the response to the first listings is lost.
LOST_AT_FIRST = 0.3
#: Share of those with a seller who takes orders in which the response to an order's creation is lost.
LOST_ORDERS = 0.3
WHERE = ("reverb", "reverb writes", "store", "store writes", "any")


def story(seed: int) -> Story:
    """Return the story of a seed."""
    luck = Random(f"story {seed}")
    sides = tuple(_side(luck) for _ in range(luck.choices((1, 2, 3), (70, 22, 8))[0]))
    ways = _ways(luck)
    steps = _steps(luck, sides)
    if not ways["begins_linked"] and luck.random() < LOST_AT_FIRST:
        steps.insert(0, Step("lose the answer", 0.0, at=luck.choice((1, 1, 2)), where="new listing"))
        ways["reverb"]["sku_lag_s"] = luck.choice((3.0, 15.0, 15.0))  # and the listing does not show at once
    taken = [at for at, step in enumerate(steps) if step.word == "buy" and sides[step.shop].settings.get("take_orders")]
    if taken and luck.random() < LOST_ORDERS:
        steps.insert(luck.choice(taken) + 1, Step("lose the answer", 0.0, at=1, where="new order"))
        ways["store_orders_lag_s"] = luck.choice((5.0, 30.0, 30.0))  # and the store's list does not show it at once
    ways["reverb"]["relist_delay_s"] = luck.choice((0.0, 0.0, 0.5, 3.0, 8.0))
    seldom = Random(f"hardships {seed}")  # a separate generator, so that the rest of the story is unchanged
    ways["machines_apart_s"] = seldom.choice((0.0, 0.0, 10.0))
    for _ in range(seldom.choice((0, 0, 1, 1, 2))):
        at = seldom.randint(0, len(steps))
        steps[at:at] = _hardship(seldom, sides)
    ways["scattered"] = seldom.random() < SCATTERED
    old = Random(f"old answers {seed}")  # a separate generator as well
    ways["reverb"]["listing_lag_s"] = old.choice((0.0, 0.0, 0.0, 0.0, 1.0, 2.0, 8.0, 20.0))
    ways["reverb"]["listing_lag_every"] = old.choice((1, 1, 2, 3))
    return Story(seed, sides, ways, tuple(steps))


def _side(luck: Random) -> Side:
    things = tuple(_thing(luck, sku) for sku in SKUS[: luck.choice((1, 1, 2, 2, 3, 4))])
    settings: dict[str, Any] = {}
    platform = luck.choices(list(PLATFORMS), list(PLATFORMS.values()))[0]
    if luck.random() < 0.2:
        settings["stock_buffer"] = luck.choice((1, 2))
    if luck.random() < 0.15:
        settings["stock_maximum"] = luck.choice((1, 2, 3))
    if luck.random() < 0.1 and platform == "shopify":
        settings["stock_way"] = "store"
    elif luck.random() < TAKERS and platform != "magento2":
        settings |= {"take_orders": True, "send_tracking": True}
    return Side(things, settings, oauth=luck.random() < 0.7, platform=platform)


def _thing(luck: Random, sku: str) -> Thing:
    used = luck.random() < 0.35
    units = 1 if used and luck.random() < 0.9 else luck.choice((1, 1, 2, 3, 5, 8))
    listed = None
    if luck.random() < 0.4:
        listed = 1 if used else units
    return Thing(sku, units, used, listed)


def _ways(luck: Random) -> dict[str, Any]:
    low = luck.random() < 0.2
    reverb = {
        "index_lag_s": luck.choice((0.0, 3.0, 8.0)),
        "sku_lag_s": luck.choice((0.0, 0.0, 0.0, 3.0, 15.0)),
        "orders_lag_s": luck.choice((0.0, 0.0, 2.0, 8.0)),
        "publish_delay_s": luck.choice((0.5, 1.0, 4.0)),
        "restores_on_cancel": luck.random() < 0.5,
        "unpaid_takes_stock": luck.random() < 0.6,
        "fuzzy_sku": luck.random() < 0.2,
        "send_retry_after": luck.random() < 0.8,
        "refuses_second_sku": luck.random() < 0.5,
        "webhooks_need_oauth": luck.random() < 0.5,
        "webhook_topics": luck.choice(
            (
                ["listings/update", "listings/publish", "orders/create", "orders/update", "app/uninstalled"],
                ["orders/paid"],
                ["product/updated", "order/created"],
                [],
            )
        ),
    }
    return {
        "begins_linked": luck.random() < 0.6,
        "odd_neighbour": luck.random() < 0.2,
        "begins_with_mass_sync": luck.random() < 0.3,
        "reverb_skew_s": round(luck.uniform(-3, 3), 1),
        "store_skew_s": round(luck.uniform(-1, 1), 1),
        "store_orders_lag_s": luck.choice((0.0, 5.0, 30.0)),
        "call_s": luck.choice(((0.02, 0.1), (0.05, 0.4), (0.2, 2.0))),
        "loss": luck.choice((0.0, 0.0, 0.1, 0.33, 1.0)),
        "twice": luck.choice((0.0, 0.2, 0.5)),
        "late_s": luck.choice((0.0, 2.0, 15.0)),
        "sweep_s": luck.choice((1.0, 4.0, 8.0)),
        "wake_loss": luck.choice((0.0, 0.0, 0.2)),
        "reads_per_minute": 30 if low else 2000,
        "writes_per_minute": 8 if low else 600,
        "reverb": reverb,
    }


def _steps(luck: Random, sides: tuple[Side, ...]) -> list[Step]:
    trouble = luck.choice((0.0, 0.15, 0.3, 0.45))
    troubles = 0
    found = []
    for _ in range(luck.randint(8, 36)):
        if luck.random() < trouble and troubles < 9:
            troubles += 1
            found.append(_trouble(luck))
        else:
            found.append(_people(luck, sides))
    if luck.random() < RUSHES:
        at = luck.randint(0, len(found))
        found[at:at] = _rush(luck, sides)
    if luck.random() < LAST_WORDS:
        found += _last_words(luck, sides)
    return found


def _last_words(luck: Random, sides: tuple[Side, ...]) -> list[Step]:
    shop = luck.randrange(len(sides))
    thing = luck.randrange(len(sides[shop].things))
    at, where = luck.choice((1, 1, 2, 3)), luck.choice(("reverb", "reverb", "reverb writes"))
    return [
        Step("price", 10.0, shop, thing, n=11),
        Step("price", 0.0, shop, thing, n=12, at=at, where=where, late=luck.random() < 0.5),
    ]


def _rush(luck: Random, sides: tuple[Side, ...]) -> list[Step]:
    """Generate many events for a few products at once: while we process one change, the next ones arrive."""
    shop = luck.randrange(len(sides))
    things = len(sides[shop].things)
    wait = luck.choice(((0.0, 0.1, 0.5), (0.5, 1.0, 2.0), (2.0, 2.0, 4.0)))
    found = []
    for _ in range(luck.randint(8, 24)):
        word = luck.choice(("price", "price", "price", "buy", "sell", "take back"))
        found.append(Step(word, luck.choice(wait), shop, luck.randrange(things), luck.randint(1, 9)))
    if luck.random() < 0.6:
        slow_down = Step("status", 0.0, n=429, at=luck.choice((1, 2, 3, 5)), where="reverb")
        found.insert(luck.randrange(len(found)), slow_down)
    return found


def _hardship(luck: Random, sides: tuple[Side, ...]) -> list[Step]:
    """Generate a rare event, and steps that must not suffer from it."""
    shop = luck.randrange(len(sides))
    thing = luck.randrange(len(sides[shop].things))
    word = luck.choices(list(HARDSHIPS), list(HARDSHIPS.values()))[0]
    sell, buy, sell_all = (
        Step(said, _wait(luck), shop, thing, number) for said, number in (("sell", 1), ("buy", 1), ("sell", 99))
    )
    price = Step("price", _wait(luck), shop, thing, luck.randint(20, 90))
    begins = Step(word, _wait(luck), shop, thing, luck.choice(HARD_S))
    match word:
        case "refuse the price":
            return [begins, price, luck.choice((sell, sell_all))]
        case "refuse the listing":
            return [begins, sell_all]
        case "refuse the keys":
            where = luck.choice(("reverb", "store", "store writes", "store writes"))
            return [replace(begins, n=1, at=luck.choice((1, 1, 2)), where=where), luck.choice((buy, buy, price))]
        case "page":
            return [replace(begins, n=404, at=luck.choice((1, 1, 2)), where="store"), luck.choice((price, sell))]
        case "duplicate":
            return [begins, replace(sell, wait=10.0), luck.choice((buy, sell_all))]
        case "store drags" | "reverb drags":
            return [begins, buy, sell, replace(buy, wait=30.0)]
        case "store out of order" | "reverb out of order":
            return [begins, price, sell, replace(price, wait=begins.n - 1.0, n=99), Step("pass", 0.0, n=300)]
    return [begins, luck.choice((sell_all, sell))]


def _people(luck: Random, sides: tuple[Side, ...]) -> Step:
    shop = luck.randrange(len(sides))
    inside = luck.random() < 0.3
    return Step(
        luck.choices(list(PEOPLE), list(PEOPLE.values()))[0],
        wait=_wait(luck),
        shop=shop,
        thing=luck.randrange(len(sides[shop].things)),
        n=luck.choice((0, 1, 1, 1, 2, 3, 6)),
        at=luck.choice((1, 1, 2, 3, 5)) if inside else 0,
        where=luck.choice(WHERE) if inside else "any",
        late=inside and luck.random() < 0.5,
    )


def _trouble(luck: Random) -> Step:
    word = luck.choices(list(TROUBLE), list(TROUBLE.values()))[0]
    number = {"status": luck.choice(STATUSES), "slow": luck.choice((3, 15, 25)), "pass": luck.choice(PASSES)}
    number["page"] = luck.choice(PAGES)
    wait, n = _wait(luck), number.get(word, 1)
    if word in OUT_OF_ORDER or word in HANGS:
        n = luck.choice(OUTAGES)
    if word in ("flush", "pass", *OUT_OF_ORDER, *HANGS):
        return Step(word, wait=wait, n=n)
    where, at = luck.choice(WHERE), luck.choice((1, 1, 1, 2, 3, 5))
    if word == "die":
        where = luck.choice(("statement", "statement", "commit", "store", "reverb", "reverb writes", "any"))
        at = luck.randint(1, 80) if where == "statement" else luck.randint(1, 8) if where == "commit" else at
    return Step(word, wait=wait, n=n, at=at, where=where, late=luck.random() < 0.4)


def _wait(luck: Random) -> float:
    return luck.choice((0.0, 0.1, 0.5, 1.0, 2.0, 2.0, 4.0, 10.0, 30.0, 70.0))
