"""Pages for sales on Reverb: the list, one sale, its tracking form, and the retry buttons."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django import forms
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.cache import patch_vary_headers
from django.views.decorators.http import require_POST, require_safe

from listings.models import Order, Parcel
from listings.orders import actions, browse, descriptions, order_form, store_order_state, tracking
from listings.orders.log import link_of, trigger_of
from listings.orders.tracking import TrackingReport
from listings.orders.undeducted import undeducted
from shops import reverb_connection
from shops.access import for_members
from shops.models import Shop, StoreHealth
from shops.models.settings import StockWay
from synclog.models import Entry

HISTORY = 30


class TrackingForm(forms.Form):
    """A parcel that the seller types in; the carriers are Reverb's own list."""

    provider = forms.ChoiceField(label="Carrier")
    tracking_number = forms.CharField(label="Tracking number", max_length=100)
    notify = forms.BooleanField(required=False, label="Let Reverb mail the buyer")

    def __init__(self, *args: Any, providers: tuple[str, ...], **more: Any) -> None:
        """Build the form. `providers` are the names that Reverb accepts."""
        super().__init__(*args, **{"label_suffix": "", **more})
        self.fields["provider"].choices = [("", "Choose"), *((name, name) for name in providers)]  # type: ignore[attr-defined]

    def clean_tracking_number(self) -> str:
        """Reject a number that has no letter or digit."""
        number = str(self.cleaned_data["tracking_number"]).strip()
        if not any(sign.isalnum() for sign in number):
            raise forms.ValidationError("That is no tracking number.")
        return number


@require_safe
@for_members
def orders(request: HttpRequest, shop: Shop) -> HttpResponse:
    """List the sales. For htmx it is the rows alone."""
    filters = browse.Filters.read(request.GET)
    page = browse.page(shop, filters, before=request.GET.get("before", ""), after=request.GET.get("after", ""))
    rows_alone = bool(getattr(request, "htmx", False))
    context = {
        "shop": shop,
        "page": page,
        "rows": _rows(shop, page.orders),
        "filters": filters,
        "shown": browse.SHOWN.items(),
        "at_top": not ({"before", "after"} & set(request.GET)),
        "settings": shop.sync_settings,
        "attention": 0 if rows_alone else browse.attention(shop),
    }
    template = "orders/_rows.html" if rows_alone else "orders/list.html"
    response = render(request, template, context)
    patch_vary_headers(response, ["HX-Request"])
    return response


@require_safe
@for_members
def order(request: HttpRequest, shop: Shop, order_id: int) -> HttpResponse:
    """Show one sale with its history."""
    return _page(request, shop, _found(shop, order_id))


@require_POST
@for_members
def ship_by_hand(request: HttpRequest, shop: Shop, order_id: int) -> HttpResponse:
    """Accept a tracking number that the seller types in."""
    row = _found(shop, order_id)
    given = TrackingForm(request.POST, providers=reverb_connection.providers_of(shop))
    if not actions.can_ship(row) or not given.is_valid():
        return _page(request, shop, row, given)
    said = given.cleaned_data
    report = TrackingReport(
        Parcel.Source.HAND,
        said["tracking_number"],
        said["provider"],
        provider=said["provider"],
        notify=said["notify"],
    )
    tracking.add_parcel(row, report)
    messages.success(request, "Reverb is being told. This page shows how it goes.")
    return redirect("orders:order", shop.pk, row.pk)


@require_POST
@for_members
def act(request: HttpRequest, shop: Shop, order_id: int, word: str) -> HttpResponse:
    """Create it in the store or retry, mark it as done by hand, or as picked up by the buyer."""
    row = _found(shop, order_id)
    match word:
        case "make":
            store_order_state.ask_for(row)
            messages.success(request, "On its way to your store. This page shows how it goes.")
        case "leave":
            store_order_state.mark_handled(row)
            messages.success(request, "It is left to you.")
        case "picked-up" if actions.can_ship(row):
            tracking.add_parcel(row, TrackingReport(Parcel.Source.HAND))
            messages.success(request, "Reverb is being told that the buyer has picked it up.")
        case _:
            raise Http404
    return redirect("orders:order", shop.pk, row.pk)


@require_POST
@for_members
def act_on_parcel(request: HttpRequest, shop: Shop, order_id: int, parcel_id: int, word: str) -> HttpResponse:
    """Send a parcel again, with the chosen carrier, or drop it."""
    parcel = get_object_or_404(Parcel.objects.select_related("order"), shop=shop, order=order_id, pk=parcel_id)
    match word:
        case "send":
            chosen = request.POST.get("provider", "")
            tracking.try_again(parcel, provider=chosen if chosen in reverb_connection.providers_of(shop) else "")
            messages.success(request, "Reverb is being told. This page shows how it goes.")
        case "leave":
            tracking.drop(parcel)
            messages.success(request, "It is not sent.")
        case _:
            raise Http404
    return redirect("orders:order", shop.pk, order_id)


def _found(shop: Shop, order_id: int) -> Order:
    return get_object_or_404(Order.objects.select_related("product", "shop__sync_settings"), shop=shop, pk=order_id)


def _rows(shop: Shop, found: list[Order]) -> list[dict[str, Any]]:
    left = undeducted(found)
    health = StoreHealth.objects.filter(shop=shop).first() if left else None
    away_since = health.away_since if health is not None else None
    return [_row(shop, one, left.get(one.pk, 0), away_since) for one in found]


def _row(shop: Shop, one: Order, left: int, away_since: datetime | None) -> dict[str, Any]:
    settings = shop.sync_settings
    syncs = settings.sync_stock and settings.stock_way == StockWay.BOTH
    parcels = [{"parcel": parcel, "words": descriptions.of_parcel(parcel)} for parcel in one.parcels.all()]
    return {
        "order": one,
        "seen": one.seen,
        "link": link_of(one),
        "reverb": descriptions.on_reverb(one),
        "store": descriptions.in_store(one, takes_orders=settings.take_orders),
        "stock": descriptions.in_stock(one, syncs=syncs, undeducted=left, away_since=away_since),
        "undeducted": left,
        "parcels": parcels,
        "can_make": actions.can_be_requested(one),
        "can_retry": actions.can_be_retried(one),
        "can_ship": actions.can_ship(one),
    }


def _page(request: HttpRequest, shop: Shop, one: Order, given: TrackingForm | None = None) -> HttpResponse:
    providers = reverb_connection.providers_of(shop)
    first = {"notify": shop.sync_settings.notify_buyer}
    tracking_form = given or TrackingForm(providers=providers, initial=first)
    row = _rows(shop, [one])[0]
    parcels_wait = any(parcel.state == Parcel.State.OPEN for parcel in one.parcels.all())
    context = {
        **row,
        "shop": shop,
        "settings": shop.sync_settings,
        "goods": order_form.goods(one.seen),
        "form": tracking_form,
        "providers": providers,
        "entries": Entry.objects.filter(shop=shop, sku=one.sku, trigger=trigger_of(one.number)).order_by("-id")[
            :HISTORY
        ],
        "waiting": one.store_due_at is not None or parcels_wait or row["undeducted"],
    }
    template = "orders/_order.html" if getattr(request, "htmx", False) else "orders/order.html"
    response = render(request, template, context, status=422 if tracking_form.errors else 200)
    patch_vary_headers(response, ["HX-Request"])
    return response
