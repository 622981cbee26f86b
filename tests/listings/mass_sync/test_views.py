"""The page of the mass sync: what it says in each state, what its buttons do, and who sees it."""

from __future__ import annotations

import csv
import io
import re
from datetime import timedelta
from typing import Any

import pytest
from django.http import StreamingHttpResponse
from django.test import Client
from django.urls import reverse

from listings.mass_sync import progress
from listings.models import Crawl, Line, Listing, MassSync, Product
from reverbsync import clock
from shops.models import ReverbConnection, Shop
from shops.reverb import limits
from synclog.reasons import REASONS
from tests.people import nora, olivia, product_of, shop_of
from tests.responses import Response

pytestmark = pytest.mark.django_db
Kind, Lines, State = Line.Kind, Line.State, MassSync.State


@pytest.fixture
def shop() -> Shop:
    """Return Olivia's shop."""
    return shop_of(olivia())


def sync_of(shop: Shop, state: str = State.PLANNED, **columns: Any) -> MassSync:
    """Return a mass sync in a state."""
    now = clock.now()
    started = {} if state in (State.FETCHING, State.PLANNING, State.PLANNED) else {"started_at": now}
    ended = {"finished_at": now} if state in (State.DONE, State.CANCELLED) else {}
    said = {"begun_at": now, "planned_at": now, "person": olivia(), **started, **ended, **columns}
    return MassSync.objects.create(shop=shop, state=state, **said)


def line(sync: MassSync, kind: str, sku: str, **columns: Any) -> Line:
    """Return a line with a product of its own."""
    product = product_of(sync.shop, sku=sku, store_product_id=sku or "none", title=columns.pop("title", f"Strat {sku}"))
    return Line.objects.create(sync=sync, product=product, kind=kind, **columns)


def a_plan(shop: Shop, state: str = State.PLANNED) -> MassSync:
    """Return a mass sync with a line of each kind."""
    sync = sync_of(shop, state)
    line(sync, Kind.CREATE, "NEW1")
    line(sync, Kind.CREATE, "NEW2")
    line(sync, Kind.UPDATE, "CHG1", fields=["Price", "Title"], reason="updated")
    line(sync, Kind.END, "END1", reason="ended")
    line(sync, Kind.LOOK, "LOOK1")
    line(sync, Kind.NOTHING, "SAME1", reason="in_sync")
    line(sync, Kind.LEFT, "LEFT1", reason="not_chosen")
    line(sync, Kind.CANNOT, "TWICE1", reason="sku_twice")
    return sync


def browser(person: Any = None) -> Client:
    """Return a browser in which a person is signed in, Olivia by default."""
    client = Client()
    client.force_login(person or olivia())
    return client


def get(shop: Shop, name: str = "mass:show", query: str = "", **headers: str) -> str:
    """Return a page as Olivia sees it, its spaces made one."""
    answer = browser().get(reverse(name, args=[shop.pk]) + query, headers=headers)
    assert answer.status_code == 200
    return " ".join(answer.content.decode().split())


def press(shop: Shop, word: str, **form: str) -> Response:
    """Press a button as Olivia."""
    at = reverse("mass:begin", args=[shop.pk]) if word == "begin" else reverse("mass:act", args=[shop.pk, word])
    return browser().post(at, form)


def skus(shown: str) -> list[str]:
    """Return the SKUs in the list, in their order."""
    return re.findall(r"SKU (\w+)", shown.partition('id="rows"')[2] or shown)


def numbers(shown: str) -> dict[str, str]:
    """Return the big numbers by their words."""
    found = re.findall(r"<dt>([^<]+)</dt><dd>(?:<a [^>]+>)?([\d,]+)", shown)
    return dict(found)


# -- before it, and the preview ------------------------------------------------------------------------------------


def test_it_says_what_it_does_before_it_is_begun_and_begins_by_a_button(shop: Shop) -> None:
    shown = get(shop)
    assert "Nothing is written yet." in shown
    assert "Look what would change" in shown
    assert press(shop, "begin").status_code == 302
    sync = MassSync.objects.get()
    assert (sync.state, sync.person) == (State.FETCHING, olivia())
    press(shop, "begin")
    assert MassSync.objects.count() == 1


def test_without_reverb_it_says_what_to_do_first(shop: Shop) -> None:
    ReverbConnection.objects.all().delete()
    assert "Connect Reverb" in get(shop)
    answer = browser().post(reverse("mass:begin", args=[shop.pk]), follow=True)
    assert "Connect Reverb first: without it" in answer.content.decode()
    assert not MassSync.objects.exists()


def test_a_catalogue_that_is_still_being_read_is_mentioned(shop: Shop) -> None:
    Crawl.objects.create(shop=shop, kind="catalogue", state="running", seen=120)
    assert "120 products so far" in get(shop)


def test_reading_and_comparing_show_progress_that_moves_by_itself(shop: Shop) -> None:
    sync = sync_of(shop, State.FETCHING, page=3, pages=10)
    shown = get(shop)
    assert "Page 2 of 10" in shown
    assert 'max="10" value="2"' in shown
    assert "every 2s" in shown
    assert "Nothing is written to Reverb." in shown
    product_of(shop)
    MassSync.objects.filter(pk=sync.pk).update(state=State.PLANNING, products=0)
    assert "0 of 1 products" in get(shop, "mass:now")


def test_the_page_is_loaded_again_when_another_state_begins_and_only_then(shop: Shop) -> None:
    sync_of(shop, State.FETCHING)
    at = reverse("mass:now", args=[shop.pk])
    assert "HX-Refresh" not in browser().get(f"{at}?seen=fetching")
    assert browser().get(f"{at}?seen=planning")["HX-Refresh"] == "true"


def test_the_preview_counts_each_kind_with_fields_reasons_and_time(shop: Shop) -> None:
    a_plan(shop)
    shown = get(shop)
    assert numbers(shown) == {
        "would be made": "2",
        "would be changed": "1",
        "would be taken off sale": "1",
        "would be looked at": "1",
    }
    for words in ("Price <strong>1", "Title <strong>1", "less than a minute", "582 writes a minute", "2,700 in ten"):
        assert words in shown
    for reason in ("not_chosen", "sku_twice"):
        assert REASONS[reason].words in shown
    assert "every 2s" not in shown
    assert MassSync.objects.get().state == State.PLANNED


def test_a_preview_with_nothing_to_do_says_so(shop: Shop) -> None:
    line(sync_of(shop), Kind.NOTHING, "SAME1", reason="in_sync")
    shown = get(shop)
    assert "<strong>Nothing.</strong>" in shown
    assert ">Start<" not in shown


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("?show=create", ["NEW1", "NEW2"]),
        ("?show=update", ["CHG1"]),
        ("?show=cannot&reason=sku_twice", ["TWICE1"]),
        ("?show=cannot&reason=no_sku", []),
        ("?show=nothing", ["SAME1"]),
        ("?show=todo", ["NEW1", "NEW2", "CHG1", "END1", "LOOK1"]),
        ("?show=failed", []),
        ("?q=new", ["NEW1", "NEW2"]),
        ("?q=strat END", ["END1"]),
        ("?q=nothing%00", []),
        ("?show=nonsense", ["NEW1", "NEW2", "CHG1", "END1", "LOOK1", "SAME1", "LEFT1", "TWICE1"]),
    ],
)
def test_its_lines_can_be_looked_through_by_kind_reason_and_words(shop: Shop, query: str, found: list[str]) -> None:
    a_plan(shop)
    assert skus(get(shop, query=query)) == found
    rows = get(shop, query=query, **{"HX-Request": "true"})
    assert "<html" not in rows
    assert skus(rows) == found


@pytest.mark.parametrize("show", ["", "show=create"])
def test_pages_of_lines_go_by_key_there_and_back(shop: Shop, show: str) -> None:
    sync = sync_of(shop)
    for n in range(60):
        line(sync, Kind.CREATE, f"N{n:02}")
    seen, shown = [], get(shop, query=f"?{show}")
    while True:
        seen += skus(shown)
        more = re.search(r'<a rel="next" href="[^"]+\?([^"]+)"', shown)
        if more is None:
            break
        shown = get(shop, query="?" + more[1].replace("&amp;", "&"))
    assert seen == [f"N{n:02}" for n in range(60)]
    back = re.search(r'<a rel="prev" href="[^"]+\?([^"]+)"', shown)
    assert back is not None
    assert skus(get(shop, query="?" + back[1].replace("&amp;", "&"))) == seen[25:50]


@pytest.mark.parametrize("key", ["x", "-1", "9" * 30, "²"])
def test_a_key_that_is_none_shows_the_first_lines(shop: Shop, key: str) -> None:
    line(sync_of(shop), Kind.CREATE, "N1")
    assert skus(get(shop, query=f"?after={key}")) == ["N1"]


def test_all_lines_can_be_exported_and_no_cell_is_a_formula(shop: Shop) -> None:
    sync = a_plan(shop)
    line(sync, Kind.CREATE, "EVIL", title='=1+1, "x"')
    answer = browser().get(reverse("mass:export", args=[shop.pk]))
    assert isinstance(answer, StreamingHttpResponse)
    assert "attachment" in answer["Content-Disposition"]
    rows = list(csv.DictReader(io.StringIO(answer.getvalue().decode())))
    assert len(rows) == 9
    by_sku = {row["SKU"]: row for row in rows}
    assert (by_sku["CHG1"]["What"], by_sku["CHG1"]["Fields"], by_sku["CHG1"]["State"]) == (
        "Change",
        "Price, Title",
        "To do",
    )
    assert by_sku["TWICE1"]["Why"] == REASONS["sku_twice"].words
    assert by_sku["EVIL"]["Title"] == '\'=1+1, "x"'


def test_there_is_nothing_to_export_before_there_is_a_plan(shop: Shop) -> None:
    at = reverse("mass:export", args=[shop.pk])
    assert browser().get(at).status_code == 404
    sync_of(shop, State.FETCHING)
    assert browser().get(at).status_code == 404


def test_it_is_started_or_discarded_by_a_button(shop: Shop) -> None:
    a_plan(shop)
    press(shop, "start")
    assert MassSync.objects.get().state == State.RUNNING
    press(shop, "cancel")
    MassSync.objects.all().delete()
    Product.objects.all().delete()
    a_plan(shop)
    assert ">Discard<" in get(shop)
    press(shop, "cancel")
    shown = get(shop)
    assert "Nothing was written." in shown
    assert "Look what would change" in shown
    assert 'id="rows"' not in shown


# -- running -------------------------------------------------------------------------------------------------------


def test_a_running_one_shows_how_far_it_is_at_which_rate_and_what_failed(shop: Shop) -> None:
    sync = a_plan(shop, State.RUNNING)
    Line.objects.filter(product__sku="NEW1").update(state=Lines.DONE)
    failed = Line.objects.get(product__sku="NEW2")
    Line.objects.filter(pk=failed.pk).update(state=Lines.FAILED, reason="refused", message="Price <b>is odd")
    shown = get(shop, "mass:now", f"?seen={sync.state}")
    assert "2 of 5 products" in shown
    assert numbers(shown) == {"made": "1", "changed": "0", "taken off sale": "0", "failed": "1"}
    for words in ("less than a minute left", "0 writes in the last minute", "every 2s", "Pause", "Cancel the rest"):
        assert words in shown
    assert REASONS["refused"].words in shown
    assert "Reverb: “Price &lt;b&gt;is odd”" in shown
    assert reverse("listings:product", args=[shop.pk, failed.product_id]) in shown
    assert skus(get(shop, query="?show=failed")) == ["NEW2"]
    press(shop, "retry")
    failed.refresh_from_db()
    assert (failed.state, failed.message) == (Lines.OPEN, "")


def test_why_it_stands_still_and_that_reverb_asked_to_slow_down_is_shown(shop: Shop) -> None:
    sync_of(shop, State.RUNNING, note="Reverb does not answer.")
    limits.slow_down(ReverbConnection.objects.get().budget, 60)
    shown = get(shop, "mass:now")
    assert "Reverb does not answer. It is tried again by itself." in shown
    assert "Reverb asked us to slow down" in shown


def test_without_redis_the_page_says_nothing_of_the_last_minute(shop: Shop, unreachable_redis: None) -> None:
    a_plan(shop, State.RUNNING)
    shown = get(shop)
    assert "in the last minute" not in shown
    assert "582 a minute" in shown


def test_a_paused_one_rests_and_goes_on_by_a_button(shop: Shop) -> None:
    a_plan(shop, State.RUNNING)
    press(shop, "pause")
    shown = get(shop)
    assert "Nothing is written for it until you go on." in shown
    assert "every 2s" not in shown
    assert "every 4s" not in shown
    press(shop, "resume")
    assert MassSync.objects.get().state == State.RUNNING


def test_a_word_that_is_none_is_not_found(shop: Shop) -> None:
    a_plan(shop)
    assert press(shop, "nonsense").status_code == 404


# -- done ----------------------------------------------------------------------------------------------------------


def test_a_done_one_sums_up_and_tries_again_what_failed(shop: Shop) -> None:
    a_plan(shop, State.DONE)
    Line.objects.filter(kind__in=Line.CALLS).update(state=Lines.DONE)
    Line.objects.filter(product__sku="CHG1").update(state=Lines.FAILED, reason="refused")
    shown = get(shop)
    assert numbers(shown)["made"] == "2"
    assert "Done, with 1 that failed" in shown
    press(shop, "retry")
    assert MassSync.objects.get().state == State.RUNNING


def test_another_one_right_after_is_explained_and_can_be_begun_anyway(shop: Shop) -> None:
    a_plan(shop, State.DONE)
    shown = get(shop)
    assert "Reverb asks that mass syncs be rare" in shown
    press(shop, "begin")
    assert MassSync.objects.count() == 1
    press(shop, "begin", anyway="1")
    assert MassSync.objects.filter(state=State.FETCHING).count() == 1


def test_after_the_pause_another_one_begins_without_an_explanation(shop: Shop) -> None:
    sync_of(shop, State.DONE, finished_at=clock.now() - timedelta(hours=7))
    assert "be rare" not in get(shop)
    press(shop, "begin")
    assert MassSync.objects.count() == 2


def test_a_cancelled_one_shows_what_was_done_and_lets_another_begin(shop: Shop) -> None:
    a_plan(shop, State.CANCELLED)
    shown = get(shop)
    assert numbers(shown)["not done"] == "5"
    assert "What was written stays written." in shown
    assert "Try all that failed again" not in shown
    assert "Look what would change" in shown


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(5, "less than a minute"), (61, "about 1 minute"), (600, "about 10 minutes"), (9000, "about 2 hours")],
)
def test_time_is_shown_in_words(seconds: float, words: str) -> None:
    assert progress.time_words(seconds) == words


# -- the first import, and who sees it -----------------------------------------------------------------------------


def test_bringing_the_first_import_to_reverb_begins_with_the_preview(shop: Shop) -> None:
    product = product_of(shop)
    Product.objects.filter(pk=product.pk).update(pending_first_sync=True)
    shown = get(shop, "listings:import")
    assert "Bring them to Reverb" in shown
    assert reverse("mass:begin", args=[shop.pk]) in shown
    press(shop, "begin")
    assert Product.objects.get().pending_first_sync
    assert not Listing.objects.exists()


@pytest.mark.parametrize("state", [*State.values])
def test_a_stranger_sees_and_changes_nothing(shop: Shop, state: str) -> None:
    a_plan(shop, state)
    stranger = browser(nora())
    for name in ("mass:show", "mass:now", "mass:export"):
        assert stranger.get(reverse(name, args=[shop.pk])).status_code == 404
        assert Client().get(reverse(name, args=[shop.pk])).status_code == 302
    assert stranger.post(reverse("mass:begin", args=[shop.pk]), {"anyway": "1"}).status_code == 404
    for word in ("start", "pause", "resume", "cancel", "retry"):
        assert stranger.post(reverse("mass:act", args=[shop.pk, word])).status_code == 404
    assert MassSync.objects.get().state == state


def test_a_button_is_no_link_and_needs_the_token_of_its_form(shop: Shop) -> None:
    a_plan(shop)
    assert browser().get(reverse("mass:act", args=[shop.pk, "start"])).status_code == 405
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(olivia())
    assert strict.post(reverse("mass:act", args=[shop.pk, "start"])).status_code == 403
    assert MassSync.objects.get().state == State.PLANNED


@pytest.mark.parametrize("state", [*State.values])
def test_no_state_of_the_page_holds_a_script_or_style_of_its_own(shop: Shop, state: str) -> None:
    sync = a_plan(shop, state)
    line(sync, Kind.CREATE, "EVIL", title="<script>alert(1)</script>", state=Lines.FAILED, reason="refused")
    shown = get(shop)
    assert "<script>alert(1)</script>" not in shown
    assert not re.search(r"<script(?![^>]*\bsrc=)|<style|\sstyle=|\son\w+=", shown)
