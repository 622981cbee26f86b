"""Pending connections: their states, and the page from which a seller leaves for a store or for Reverb.

A state is an unguessable name of a pending connection. It is valid for half an hour, is used once, and belongs to the
person and the browser that began.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.cache import add_never_cache_headers
from pydantic import SecretStr

from reverbsync import clock
from shops.models import PendingConnection, Person, Shop

LIVES = timedelta(minutes=30)
#: Longest time to test the keys that a store handed out: some calls of 25 seconds each.
TRIED_WITHIN = timedelta(minutes=5)
EXPIRED = "This connection was not begun here, or too long ago. Please begin again."
#: Session key of the states that were begun in the browser, and how many are saved.
BEGUN, KEPT = "connecting", 5
#: Format of our own states; anything else is not looked up.
_STATE = re.compile(r"[A-Za-z0-9_-]{1,64}")


def begin(
    request: HttpRequest, shop: Shop, kind: str, address: str, *, kept: Mapping[str, str] | None = None
) -> PendingConnection:
    """Create a pending connection of a shop for this request's person and browser; `kept` is for the next steps."""
    assert isinstance(request.user, Person)  # noqa: S101 -- the caller let nobody else in
    now = clock.now()
    text = SecretStr(json.dumps(dict(kept)) if kept else "")
    made = PendingConnection.objects.create(
        shop=shop, person=request.user, platform=kind, address=address, kept=text, made_at=now
    )
    remember(request, made.state)
    return made


def remember(request: HttpRequest, state: str) -> None:
    """Save in the session that a state was begun in this browser."""
    request.session[BEGUN] = [*states(request), state][-KEPT:]


def states(request: HttpRequest) -> list[str]:
    """Return the states that were begun in this browser."""
    found: list[str] = request.session.get(BEGUN, [])
    return found


def unused(kind: str) -> QuerySet[PendingConnection]:
    """Return the pending connections to a kind of store, or to Reverb, whose next step may still arrive."""
    return PendingConnection.objects.filter(platform=kind, used_at=None, made_at__gt=clock.now() - LIVES)


def find(kind: str, state: str) -> PendingConnection | None:
    """Return the unused connection with this state, None if there is none."""
    if not _STATE.fullmatch(state):
        return None
    return unused(kind).select_related("shop", "person").filter(state=state).first()


def is_of(request: HttpRequest, row: PendingConnection) -> bool:
    """Return whether a connection was begun in this browser, and by this person if one was signed in."""
    return row.state in states(request) and row.person in (None, request.user)


def begun_by(person: Person | None, kind: str, state: str) -> PendingConnection | None:
    """Return a person's connection with this state, used or not; None if there is none."""
    if person is None or not _STATE.fullmatch(state):
        return None
    found = PendingConnection.objects.filter(platform=kind, state=state, person=person)
    return found.select_related("shop").first()


def begun_here(request: HttpRequest, state: str) -> PendingConnection:
    """Return this person's and browser's connection with this state, used or not. Raise Http404 otherwise."""
    own = PendingConnection.objects.filter(person=request.user.pk, shop__isnull=False).select_related("shop")
    found = own.filter(state=state).first() if state in states(request) else None
    if found is None:
        raise Http404("Nothing was begun here under this name.")
    return found


def is_fresh(row: PendingConnection) -> bool:
    """Return whether a connection may still be completed."""
    return row.used_at is None and row.made_at > clock.now() - LIVES


def is_tried(row: PendingConnection) -> bool:
    """Return whether the keys of a connection may currently be tested."""
    return row.used_at is not None and not row.problem and row.used_at > clock.now() - TRIED_WITHIN


def use(row: PendingConnection) -> bool:
    """Mark a connection's state as used; return False if it was used before."""
    return bool(PendingConnection.objects.filter(pk=row.pk, used_at=None).update(used_at=clock.now()))


def note(row: PendingConnection | None, problem: str) -> None:
    """Save why a step failed: the store's server may have made it, while the seller views a page of ours."""
    if row is not None:
        PendingConnection.objects.filter(pk=row.pk).update(problem=problem[:300])


def last_problem(shop: Shop, kind: str) -> str:
    """Return why the shop's newest recent connection failed, "" if it did not."""
    mine = PendingConnection.objects.filter(shop=shop, platform=kind, made_at__gt=clock.now() - LIVES)
    newest = mine.order_by("-made_at").first()
    return newest.problem if newest is not None else ""


def kept(row: PendingConnection) -> dict[str, Any]:
    """Return what an earlier step saved."""
    text = row.kept.get_secret_value()
    found: dict[str, Any] = json.loads(text) if text else {}
    return found


def lead_on(request: HttpRequest, url: str, name: str) -> HttpResponse:
    """Render a page that leads to `url` on the site called `name`, automatically and by a link.

    A redirect would fail: our policy says `form-action 'self'`, and Chromium and Safari apply it to every redirect that
    answers a form, so the button would do nothing. (Firefox does not; CSP 3, "form-action", leaves it open.) Our page
    ends the form's navigation, and its link is no form.

    The page is no open redirect. It is shown only for a state that a form of ours, with its CSRF token, created for the
    same person in the same browser. `url` comes from that form or from the settings, never from the page's request.
    """
    context = {"url": url, "name": name, "host": urlsplit(url).netloc}
    response = render(request, "connect/lead_on.html", context)
    add_never_cache_headers(response)
    return response
