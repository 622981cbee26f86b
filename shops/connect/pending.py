"""Connections that are being made: their states, and the page on which a seller leaves for a store or for Reverb.

A state is an unguessable name for a connection that is being made. It lives for half an hour, is used once, and belongs
to the person who began, in the browser where they began.
"""

from __future__ import annotations

import json
import re
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.cache import add_never_cache_headers

from reverbsync import clock
from shops.models import PendingConnection, Person, Shop

LIVES = timedelta(minutes=30)
#: How long it may take to try the keys that a store handed out: some calls of 25 seconds each.
TRIED_WITHIN = timedelta(minutes=5)
EXPIRED = "This connection was not begun here, or too long ago. Please begin again."
#: Name in the browser's session of the states that were begun there, and how many of them are remembered.
BEGUN, KEPT = "connecting", 5
#: What our own states look like; anything else is looked up nowhere.
_STATE = re.compile(r"[A-Za-z0-9_-]{1,64}")


def begin(request: HttpRequest, shop: Shop, kind: str, address: str) -> PendingConnection:
    """Begin to connect a shop for the person and the browser of this request."""
    assert isinstance(request.user, Person)  # noqa: S101 -- the caller let nobody else in
    now = clock.now()
    made = PendingConnection.objects.create(shop=shop, person=request.user, platform=kind, address=address, made_at=now)
    remember(request, made.state)
    return made


def remember(request: HttpRequest, state: str) -> None:
    """Note in the browser's session that a state was begun there."""
    request.session[BEGUN] = [*states(request), state][-KEPT:]


def states(request: HttpRequest) -> list[str]:
    """Return the states that were begun in this browser."""
    found: list[str] = request.session.get(BEGUN, [])
    return found


def unused(kind: str) -> QuerySet[PendingConnection]:
    """Return the connections to a kind of store, or to Reverb, whose next step may still come."""
    return PendingConnection.objects.filter(platform=kind, used_at=None, made_at__gt=clock.now() - LIVES)


def find(kind: str, state: str) -> PendingConnection | None:
    """Return the unused connection with this state; None for anything that is not one."""
    if not _STATE.fullmatch(state):
        return None
    return unused(kind).select_related("shop", "person").filter(state=state).first()


def is_of(request: HttpRequest, row: PendingConnection) -> bool:
    """Return whether a connection was begun in this browser, and by this person where one was signed in."""
    return row.state in states(request) and row.person in (None, request.user)


def begun_by(person: Person | None, kind: str, state: str) -> PendingConnection | None:
    """Return a person's connection with this state, used or not; None for anything that is not one."""
    if person is None or not _STATE.fullmatch(state):
        return None
    found = PendingConnection.objects.filter(platform=kind, state=state, person=person)
    return found.select_related("shop").first()


def begun_here(request: HttpRequest, state: str) -> PendingConnection:
    """Return the connection with this state, used or not. Raises Http404 unless it was begun here, by this person."""
    own = PendingConnection.objects.filter(person=request.user.pk, shop__isnull=False).select_related("shop")
    found = own.filter(state=state).first() if state in states(request) else None
    if found is None:
        raise Http404("Nothing was begun here under this name.")
    return found


def is_fresh(row: PendingConnection) -> bool:
    """Return whether a connection may still be finished."""
    return row.used_at is None and row.made_at > clock.now() - LIVES


def is_tried(row: PendingConnection) -> bool:
    """Return whether the keys of a connection may just be being tried."""
    return row.used_at is not None and not row.problem and row.used_at > clock.now() - TRIED_WITHIN


def use(row: PendingConnection) -> bool:
    """Use a connection's state up; False when that was done before."""
    return bool(PendingConnection.objects.filter(pk=row.pk, used_at=None).update(used_at=clock.now()))


def note(row: PendingConnection | None, problem: str) -> None:
    """Keep why a step failed: the store's server may have taken it, while the seller looks at a page of ours."""
    if row is not None:
        PendingConnection.objects.filter(pk=row.pk).update(problem=problem[:300])


def last_problem(shop: Shop, kind: str) -> str:
    """Return why the shop's newest connection that was begun lately came to nothing, "" where it did not fail."""
    mine = PendingConnection.objects.filter(shop=shop, platform=kind, made_at__gt=clock.now() - LIVES)
    newest = mine.order_by("-made_at").first()
    return newest.problem if newest is not None else ""


def kept(row: PendingConnection) -> dict[str, Any]:
    """Return what an earlier step kept."""
    text = row.kept.get_secret_value()
    found: dict[str, Any] = json.loads(text) if text else {}
    return found


def lead_on(request: HttpRequest, url: str, name: str) -> HttpResponse:
    """Answer with a page that leads to `url` on the site called `name`, at once and by a link.

    A redirect would not do: our policy says `form-action 'self'`, and Chromium and Safari apply it to every redirect
    that answers a form, so the button would do nothing there. (Firefox does not; CSP 3, "form-action", leaves it open.)
    A page of ours ends the form's navigation, and what it leads to is no form. Nobody can be led anywhere by a link
    from outside: the page is shown under a state that a form of ours, with its CSRF token, made for the same person in
    the same browser, and `url` comes from that form or from the settings, never from the request for the page.
    """
    context = {"url": url, "name": name, "host": urlsplit(url).netloc}
    response = render(request, "connect/lead_on.html", context)
    add_never_cache_headers(response)
    return response
