"""The page of one product: what its listing says, where each value comes from, and the seller's own values."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_http_methods, require_POST

from listings.mapping import rules, selection, values
from listings.mapping.value_types import Defaults, Origin
from listings.models import Ledger, Listing, Product, Rank
from listings.products.forms import LABELS, ProductForm
from listings.queue import jobs
from listings.stock.targets import to_show
from reverbsync import clock
from shops import reverb_connection
from shops.access import for_members
from shops.models import Shop, SyncSettings
from shops.reverb.availability import SOLD
from shops.reverb.lists import Lists
from synclog.reasons import REASONS


@require_http_methods(["GET", "HEAD", "POST"])
@for_members
def product(request: HttpRequest, shop: Shop, product_id: int) -> HttpResponse:
    """Show one product; save the seller's own values for it."""
    row = get_object_or_404(Product.objects.select_related("listing"), shop=shop, pk=product_id)
    lists = reverb_connection.lists_of(shop)
    form = ProductForm(request.POST or None, product=row, lists=lists)
    if request.method == "POST" and form.is_valid():
        stock = {name: form.cleaned_data[name] for name in ("stock_buffer", "stock_maximum")}
        _say(row, choice=form.cleaned_data["choice"], overrides=form.overrides, **stock)
        messages.success(request, "Saved. The sync log shows how it goes.")
        return redirect("listings:product", shop.pk, row.pk)
    defaults = rules.defaults_of(shop)
    wanted = selection.wanted_groups(shop)
    context = {
        "shop": shop,
        "product": row,
        "seen": row.seen,
        "form": form,
        "rows": _rows(row, defaults, lists, form, shop.sync_settings.fields_on),
        "price": defaults.price.of(row.seen.price),
        "chosen": selection.is_chosen(row.seen, row.choice, wanted),
        "by_rules": selection.is_chosen(row.seen, "", wanted),
        "reason": REASONS.get(row.waits_for),
        "sold": row.waits_for == "used_listing_sold",
        "stock": _stock(row, shop.sync_settings),
    }
    return render(request, "products/product.html", context, status=422 if form.errors else 200)


@require_POST
@for_members
def switch(request: HttpRequest, shop: Shop, product_id: int, word: str) -> HttpResponse:
    """Switch one product on or off from the list."""
    row = get_object_or_404(Product, shop=shop, pk=product_id)
    _say(row, choice=word if word in ("on", "off") else "", overrides=row.overrides)
    goes = "goes to Reverb" if word == "on" else "does not go to Reverb"
    messages.success(request, f"“{row.title}” {goes}.")
    return redirect("listings:products", shop.pk)


@require_POST
@for_members
def relist_as_new(request: HttpRequest, shop: Shop, product_id: int) -> HttpResponse:
    """Create a new listing for a used item whose listing sold: the seller has it again."""
    row = get_object_or_404(Product, shop=shop, pk=product_id)
    if Listing.objects.filter(product=row, state__in=SOLD).update(relist_as_new=True):
        jobs.look_again([row], rank=Rank.EDIT, trigger=jobs.BY_HAND, now=clock.now())
        messages.success(request, "A new listing is being made. The sync log shows how it goes.")
    else:
        messages.error(request, "Its listing has not sold, so it needs no new one.")
    return redirect("listings:product", shop.pk, row.pk)


def _stock(row: Product, settings: SyncSettings) -> dict[str, int] | None:
    """Return what both sides agreed on, None if nothing was."""
    found = Ledger.objects.filter(listing__product=row).first()
    if found is None:
        return None
    return {
        "units": max(0, found.units),
        "oversold": found.oversold,
        "shows": found.reverb or 0,
        "unexplained_gain": found.unexplained_gain,
        "wanted": to_show(found, row, settings),
    }


def _say(row: Product, *, choice: str, overrides: dict[str, str], **stock: int | None) -> None:
    Product.objects.filter(pk=row.pk).update(choice=choice, overrides=overrides, pending_first_sync=False, **stock)
    if choice != "off":
        jobs.look_again([row], rank=Rank.EDIT, trigger=jobs.BY_HAND, now=clock.now())


def _rows(
    row: Product, defaults: Defaults, lists: Lists, form: ProductForm, on: frozenset[str]
) -> list[dict[str, Any]]:
    """Return each settable field with its value, its origin, and the input for the seller's own value."""
    found = values.values(row.seen, defaults, lists, row.overrides)
    names = {choice.id: choice.name for choice in lists.all}
    rows = []
    for name, label in LABELS.items():
        value = found.get(name)
        rows.append(
            {
                "label": label,
                "shown": _shown(value.value, names) if value else "",
                "origin": value.origin.value if value else "",
                "source": value.source if value else "",
                "guessed": value is not None and value.origin == Origin.GUESS,
                "on": name in on,
                "field": form[name],
            }
        )
    return rows


def _shown(value: object, names: dict[str, str]) -> str:
    if value == "":
        return "Not on Reverb's list"
    if isinstance(value, bool):
        return "Yes" if value else "No"
    return names.get(str(value), str(value))
