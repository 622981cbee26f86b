"""What is gone does not stay on sale: whatever Reverb answers, it is retried, and owners are notified of what lasts."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.core import mail

from listings.intake import scheduled_reads
from listings.models import Job, Listing
from listings.queue import blocked
from shops import outages
from shops.models import ReverbConnection
from shops.reverb import upkeep
from synclog.models import Entry
from synclog.reasons import quoted
from tests.journeys.sales import read_orders
from tests.journeys.world import World

pytestmark = pytest.mark.live

STATUSES = (302, 400, 401, 402, 403, 404, 405, 406, 409, 410, 412, 418, 422, 451, 500, 502, 503, 520)
#: Answers that are none of the API's.
ODD: dict[str, dict[str, Any]] = {
    **{f"page {status}": {"status": status, "page": "cloudflare"} for status in STATUSES},
    "redirect": {"status": 307, "page": "empty", "headers": {"Location": "https://reverb.com/maintenance"}},
    "json 403": {"status": 403, "body": {"error": "error code: 1020"}},
    "json list 422": {"status": 422, "body": ["no"]},
    "page 200": {"status": 200, "page": "maintenance"},
    "json 200": {"status": 200, "body": {"status": "ok"}},
    "list 200": {"status": 200, "body": []},
    "empty 200": {"status": 200, "page": "empty"},
    "cut 200": {"status": 200, "raw": '{"listing": {"id": 7'},
    "no route": {"status": 404, "body": {"message": "No route matches [PUT]"}},
}


@pytest.fixture
def guitar(world: World) -> dict[str, Any]:
    """A guitar of which five are on sale, in a store that answers as often as it is asked."""
    world.store.ask("POST", "/limits", {"size": 100_000, "restore": 100_000})
    made = world.product(inventory_quantity=5)
    world.settle()
    read_orders(world)
    world.settle()
    assert world.listing()["inventory"] == 5
    return made


def live_on(world: World, span: timedelta, *, step: timedelta = timedelta(seconds=30)) -> None:
    """Let time pass, with our workers and sweeps at work."""
    until = world.now + span
    while world.now < until:
        world.wait(step.total_seconds())
        blocked.retry_waiting(now=world.now)
        while world.step():
            pass


@pytest.mark.parametrize(("method", "kind"), [("PUT", "status"), ("PUT", "instead"), ("GET", "status")])
def test_one_odd_answer_keeps_nothing_on_sale(world: World, guitar: dict[str, Any], method: str, kind: str) -> None:
    """Each odd answer comes once, while the last one sells or while some are left."""
    for number, odd in enumerate(ODD.values()):
        units = (number + (method == "PUT") + (kind == "instead")) % 2 * 2
        world.edit(guitar, inventory_quantity=5)
        world.settle()
        world.reverb.fault(kind, method=method, path="/listings/[0-9]", **odd)
        world.edit(guitar, inventory_quantity=units)
        began = world.now
        while world.step() or world.listing()["inventory"] != units:
            world.wait(1)
            assert world.now - began < timedelta(seconds=90), odd
        world.settle()
        listing = world.listing()
        assert (listing["inventory"], listing["state"]) == (units, "live" if units else "sold"), odd
        assert world.stock(guitar) == units, odd
        world.reverb.ask("DELETE", "/faults")


@pytest.mark.parametrize("odd", ["page 403", "page 503", "json 200", "page 200"])
@pytest.mark.parametrize("kind", ["status", "instead"])
def test_a_post_that_got_an_odd_answer_makes_no_second_listing(world: World, odd: str, kind: str) -> None:
    world.reverb.ask("POST", "/settings", {"refuses_second_sku": False, "sku_lag_s": 20})
    world.reverb.fault(kind, method="POST", path="/listings$", **ODD[odd])
    world.product()
    world.settle()
    assert world.listing()["state"] == "live"
    assert len(world.reverb.calls("POST", "/listings")) == (2 if kind == "status" else 1)


REFUSALS = {
    "this token may not": {"status": 403, "body": {"message": "You are not allowed to do that."}},
    "refused": {"status": 422, "body": {"message": "This listing can't be changed."}},
    "gone": {"status": 404, "body": {"message": "The listing could not be found"}},
}


@pytest.mark.parametrize("refusal", REFUSALS)
def test_an_end_is_tried_once_a_minute_for_as_long_as_it_fails(
    world: World, guitar: dict[str, Any], refusal: str
) -> None:
    world.reverb.fault("status", method="PUT", times=10**6, **REFUSALS[refusal])
    world.edit(guitar, inventory_quantity=0)
    live_on(world, timedelta(minutes=10))
    world.reverb.ask("DELETE", "/requests")
    live_on(world, timedelta(minutes=10))
    assert len(world.reverb.calls("PUT")) >= 9
    world.reverb.ask("DELETE", "/faults")
    live_on(world, timedelta(minutes=1))
    assert world.listing()["state"] in ("sold", "ended")
    assert not Job.objects.exists()
    assert Listing.objects.get().oversells_since is None


def shown_as(world: World, sku: str, edits: dict[str, Any]) -> None:
    """Let Reverb show fields of a listing of its own in each answer, whatever is written to it."""
    path = rf"/listings/{world.listing(sku)['id']}(-[^/]*)?$"
    for method, before in (("GET", ""), ("PUT", "listing.")):
        odd = {before + name: value for name, value in edits.items()}
        world.reverb.fault("edited", method=method, path=path, edits=odd, times=10**6)


def test_a_sold_one_off_in_a_state_that_is_not_documented_is_ended_once(world: World, guitar: dict[str, Any]) -> None:
    used = world.used()
    world.settle()
    shown_as(world, "U1", {"state": {"slug": "seller_unavailable"}})
    before = len(world.writes())
    world.edit(used, inventory_quantity=0)
    live_on(world, timedelta(minutes=5))
    assert world.listing("U1")["inventory"] == 0
    assert len(world.writes()) == before + 1
    assert not Job.objects.exists()


def test_an_end_that_reverb_takes_and_does_not_show_is_repeated_with_growing_delay(
    world: World, guitar: dict[str, Any]
) -> None:
    used = world.used()
    world.settle()
    shown_as(world, "U1", {"state": {"slug": "seller_unavailable"}, "inventory": 1})
    before = len(world.writes())
    world.edit(used, inventory_quantity=0)
    live_on(world, timedelta(minutes=5), step=timedelta(seconds=1))
    assert 8 <= len(world.writes()) - before <= 12
    world.edit(guitar, inventory_quantity=2)
    live_on(world, timedelta(seconds=5))
    assert world.listing()["inventory"] == 2


def test_a_lower_number_is_tried_again_with_growing_delay(world: World, guitar: dict[str, Any]) -> None:
    world.reverb.fault("status", method="PUT", times=10**6, **REFUSALS["refused"])
    world.edit(guitar, inventory_quantity=2)
    live_on(world, timedelta(hours=3), step=timedelta(minutes=5))
    assert world.waits_for() == "refused"
    assert 12 <= Entry.objects.filter(reason="refused").count() <= 30
    assert mail.outbox == []
    world.reverb.ask("DELETE", "/faults")
    live_on(world, timedelta(minutes=15))
    assert world.listing()["inventory"] == 2


def test_the_owners_are_mailed_once_after_15_minutes_with_what_to_do(world: World, guitar: dict[str, Any]) -> None:
    world.reverb.fault("status", method="PUT", times=10**6, **REFUSALS["refused"])
    world.edit(guitar, inventory_quantity=0)
    live_on(world, timedelta(minutes=14))
    assert mail.outbox == []
    live_on(world, timedelta(minutes=30))
    [message] = mail.outbox
    assert message.subject == "Sold out and still on sale on Reverb: Fender Strat"
    assert message.to == ["olivia@example.com"]
    for words in ("(SKU A1)", "This listing can't be changed.", "/my/selling/listings", world.known().link):
        assert words in message.body
    assert world.entries().count("still_on_sale") == 1


def test_all_listings_that_stay_on_sale_are_in_one_mail(world: World, guitar: dict[str, Any]) -> None:
    other = world.product("B2", title="Bass\nwith a break", inventory_quantity=1)
    world.settle()
    world.reverb.fault("status", method="PUT", times=10**6, **REFUSALS["this token may not"])
    world.edit(guitar, inventory_quantity=0)
    world.edit(other, inventory_quantity=0)
    live_on(world, timedelta(minutes=40))
    [message] = mail.outbox
    assert message.subject == "Sold out and still on sale on Reverb: 2 listings"
    assert ("(SKU A1)" in message.body, "(SKU B2)" in message.body) == (True, True)
    assert world.entries().count("still_on_sale") == 2  # the log says so for each


def test_a_mail_that_cannot_be_sent_is_tried_again(
    world: World, guitar: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    from shops import mail as ours

    def away(*_: Any, **__: Any) -> None:
        raise ConnectionRefusedError

    world.reverb.fault("status", method="PUT", times=10**6, **REFUSALS["refused"])
    world.edit(guitar, inventory_quantity=0)
    with monkeypatch.context() as patched:
        patched.setattr(ours, "send_mail", away)
        live_on(world, timedelta(minutes=20))
    assert "still_on_sale" not in world.entries()
    live_on(world, timedelta(minutes=2))
    assert len(mail.outbox) == 1


def test_a_dead_token_is_asked_again_and_all_goes_on_when_it_lives(world: World, guitar: dict[str, Any]) -> None:
    dead = {"status": 401, "body": {"message": "Please log in to do that."}}
    world.reverb.fault("status", times=10**6, **dead)
    world.edit(guitar, inventory_quantity=0)
    world.settle()
    assert world.last().reason == "token_refused"
    live_on(world, timedelta(minutes=20), step=timedelta(minutes=1))
    assert len(mail.outbox) == 1
    world.reverb.ask("DELETE", "/faults")
    connection = ReverbConnection.objects.get()
    assert connection.problem == "token_refused"
    assert connection.hooks_due_at is not None
    assert connection.hooks_due_at <= world.now + timedelta(minutes=2)
    upkeep.check(connection)
    outages.make_due(world.shop.pk)
    live_on(world, timedelta(seconds=30))
    assert world.listing()["state"] == "sold"
    assert ReverbConnection.objects.get().problem == ""


def test_a_page_of_401_is_no_dead_token(world: World, guitar: dict[str, Any]) -> None:
    world.reverb.fault("status", status=401, page="login", times=10)
    world.edit(guitar, inventory_quantity=0)
    live_on(world, timedelta(minutes=10))
    assert ReverbConnection.objects.get().problem != "token_refused"
    assert world.listing()["state"] == "sold"


def test_one_refused_401_beside_an_account_that_answers_is_no_dead_token(world: World, guitar: dict[str, Any]) -> None:
    world.reverb.fault("status", status=401, body={"message": "Please log in."}, method="PUT", times=3)
    world.edit(guitar, inventory_quantity=0)
    live_on(world, timedelta(minutes=2))
    assert ReverbConnection.objects.get().problem != "token_refused"
    assert world.listing()["state"] == "sold"


def test_one_refused_401_beside_an_account_that_answers_delays_an_edit_by_seconds(
    world: World, guitar: dict[str, Any]
) -> None:
    world.reverb.fault("status", status=401, body={"message": "Please log in."}, method="PUT", times=1)
    world.edit(guitar, price="7.00")
    live_on(world, timedelta(minutes=1), step=timedelta(seconds=10))
    assert "not_permitted" not in world.entries()
    assert world.listing()["price"]["amount"] == "7.00"


def test_a_refused_edit_is_tried_again_by_itself_ever_more_rarely(world: World, guitar: dict[str, Any]) -> None:
    world.reverb.fault("status", method="PUT", times=10**6, **REFUSALS["refused"])
    world.edit(guitar, price="7.00")
    live_on(world, timedelta(days=3), step=timedelta(minutes=30))
    assert 6 <= Entry.objects.filter(reason="refused").count() <= 12
    world.reverb.ask("DELETE", "/faults")
    live_on(world, timedelta(days=1), step=timedelta(minutes=30))
    assert world.listing()["price"]["amount"] == "7.00"


def test_what_is_left_out_is_not_tried_again_by_itself(world: World) -> None:
    world.product("", title="No SKU")
    world.settle()
    entries = Entry.objects.count()
    live_on(world, timedelta(days=2), step=timedelta(hours=6))
    assert Entry.objects.count() == entries


def test_when_one_product_gets_through_the_others_need_not_wait_out_their_delays(world: World) -> None:
    made = [world.product(f"A{n}", title=f"Guitar {n}") for n in range(4)]
    world.settle()
    world.reverb.fault("status", status=503, page="varnish", times=10**6)
    for one in made:
        world.edit(one, price="7.00")
    live_on(world, timedelta(minutes=40), step=timedelta(minutes=1))
    world.reverb.ask("DELETE", "/faults")
    first = Job.objects.order_by("due_at").first()
    assert first is not None
    world.wait(max(1.0, (first.due_at - world.now).total_seconds()))
    live_on(world, timedelta(minutes=1))  # the breaker may hold the first one back until its next probe
    assert [row["price"]["amount"] for row in world.reverb.ask("GET", "/listings")] == ["7.00"] * 4


def test_a_seller_who_switched_the_sync_off_gets_no_mail(world: World, guitar: dict[str, Any]) -> None:
    world.set(auto_sync=False)
    world.edit(guitar, inventory_quantity=0)
    live_on(world, timedelta(minutes=40), step=timedelta(minutes=5))
    assert mail.outbox == []


def test_the_log_quotes_reverb_only_where_reverb_said_it(world: World, guitar: dict[str, Any]) -> None:
    world.reverb.fault("status", status=403, page="cloudflare", method="GET", path="/listings/[0-9]")
    world.edit(guitar, price="7.00")
    world.wait(3)
    assert world.step()
    entry = world.last()
    said = "Reverb answered with a page instead of data (status 403)."
    assert (entry.reason, quoted(entry.reason, entry.message)) == ("try_later", said)
    world.reverb.fault("status", status=500, body={"message": "Out to lunch"}, path="/listings/[0-9]")
    world.wait(10)
    assert world.step()
    entry = world.last()
    assert quoted(entry.reason, entry.message) == "Reverb: “Out to lunch”"


def test_while_reverb_is_out_of_reach_the_owners_are_mailed_all_the_same(world: World, guitar: dict[str, Any]) -> None:
    world.reverb.fault("lost_request", times=10**6)
    world.edit(guitar, inventory_quantity=0)
    live_on(world, timedelta(minutes=25), step=timedelta(minutes=1))
    assert len(mail.outbox) == 1
    assert world.entries().count("still_on_sale") == 1


def test_what_has_units_again_meanwhile_is_read_again_and_not_ended(world: World, guitar: dict[str, Any]) -> None:
    """No webhook reports the new units while Reverb refuses the end."""
    refusal = {"status": 422, "body": {"message": "no", "errors": {"inventory": ["no"]}}}
    world.reverb.fault("status", method="PUT", path="/", times=10**6, **refusal)
    world.edit(guitar, inventory_quantity=0)
    while world.step():
        pass
    world.store.ask("PUT", f"/variants/{guitar['variants'][0]['id']}", {"inventory_quantity": 4})
    live_on(world, timedelta(minutes=4))
    assert scheduled_reads.due(world.shop.pk) is None
    live_on(world, timedelta(minutes=3))
    due = scheduled_reads.due(world.shop.pk)
    assert due is not None
    scheduled_reads.run_slice(due)
    world.reverb.ask("DELETE", "/faults")
    live_on(world, timedelta(minutes=3))
    assert (world.listing()["state"], world.listing()["inventory"]) == ("live", 4)
