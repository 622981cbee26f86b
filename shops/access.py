"""Tenant isolation: a shop is only reachable through a membership of the signed-in person; otherwise 404."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Concatenate, ParamSpec

from django.contrib.auth.decorators import login_required
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponseBase
from django.shortcuts import get_object_or_404

from shops.models import Membership, Person, Shop

P = ParamSpec("P")

#: Methods of a page with a form.
PAGE = ["GET", "HEAD", "POST"]


def shops_of(person: Person) -> QuerySet[Shop]:
    """Return the shops that `person` belongs to, by name."""
    return Shop.objects.filter(memberships__person=person, deletion_requested_at=None).order_by("name", "id")


def owns(person: Person, shop: Shop) -> bool:
    """Return whether a person owns a shop."""
    return Membership.objects.filter(shop=shop, person=person, role=Membership.Role.OWNER).exists()


def for_members(
    view: Callable[Concatenate[HttpRequest, Shop, P], HttpResponseBase],
) -> Callable[Concatenate[HttpRequest, int, P], HttpResponseBase]:
    """Wrap a view that takes a Shop into one that takes its id; non-members get 404, as if it did not exist."""

    @login_required
    @wraps(view)
    def guarded(request: HttpRequest, shop_id: int, *args: P.args, **kwargs: P.kwargs) -> HttpResponseBase:
        assert isinstance(request.user, Person)  # noqa: S101 -- login_required has seen to it
        shop = get_object_or_404(shops_of(request.user), pk=shop_id)
        return view(request, shop, *args, **kwargs)

    return guarded  # type: ignore[return-value]  # login_required loses the parameters
